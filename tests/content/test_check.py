"""Each rule of `qwtutor check`: a sound lesson has no problem, and each way of breaking it has one of its own."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import soak
from tests.content.sound import Data, choice, lesson, problems_of, quiz, section, text, write
from tutor.content.check import check
from tutor.content.library import Library
from tutor.content.walk import ambiguous, cells, han_characters, open_fence, prose, words
from tutor.domain.model import TokenPiece

ROOT = Path(__file__).parent.parent.parent


def set_body(number: int, zh: str = "", en: str = "") -> Callable[[Data, Data], None]:
    """Puts text in front of what a section says."""

    def change(lesson: Data, quiz: Data) -> None:
        body = lesson["sections"][number]["body"]
        body["zh"], body["en"] = zh + body["zh"], en + body["en"]

    return change


def fence(line: str, language: str = "") -> str:
    return f"```{language}\n{line}\n```\n"


def test_a_sound_lesson_has_no_problem(tmp_path: Path) -> None:
    assert [str(problem) for problem in problems_of(tmp_path)] == []


CHANGES: list[tuple[str, Callable[[Data, Data], Any], str, str]] = [
    ("one language", lambda d, q: d["goals"][0].pop("en"), "goals[0].en", "the text in both languages; found nothing"),
    ("one language in a quiz", lambda d, q: q["questions"][0]["options"][1]["why"].pop("zh"),
     "questions[0].options[1].why.zh", "the text in both languages; found nothing"),
    ("a long section", set_body(0, zh="羊" * 200), "sections[0].body.zh", "from 120 to 400 Han characters; found 446"),
    ("a short section", lambda d, q: d["sections"][4]["body"].update(en="Nothing."),
     "sections[4].body.en", "from 90 to 260 words; found 1"),
    ("a short lesson", lambda d, q: [d["sections"][n]["body"].update(zh="羊（sheep）" + "羊" * 130) for n in (0, 2, 4, 5, 6)],
     "sections", "from 1200 to 2200 Han characters in all sections; found 655"),
    ("few sections", lambda d, q: d.update(sections=d["sections"][:4]), "sections", "from 4 to 7 sections; found 2"),
    ("no checkpoint", lambda d, q: d["sections"].pop(3), "sections", "from 1 to 3 questions in the text; found 0"),
    ("no demo", lambda d, q: d["sections"].pop(1), "sections", "at least one demo; found none"),
    ("no prediction", lambda d, q: d["sections"][1]["demo"].pop("predict"),
     "sections[1].demo.predict", "a question to answer before it runs; found nothing"),
    ("no lab of that name", lambda d, q: d["sections"].append({"lab": {"name": "attic"}}),
     "sections[7].lab.name", "one of tokens, decoding, inside, arena; found attic"),
    ("a lab's parameter that is none", lambda d, q: d["sections"].append({"lab": {"name": "inside", "set": {"heads": 1}}}),
     "sections[7].lab.set", "parameters that the lab takes; found The lab inside has no parameter `heads`; it has view,"),
    ("one goal", lambda d, q: d["goals"].pop(), "goals", "from 2 to 4 goals; found 1"),
    ("no figure", lambda d, q: d.pop("figures"), "figures", "at least one figure; found none"),
    ("no reference", lambda d, q: d.pop("references"), "references", "at least one reference; found none"),
    ("a reference for nothing", lambda d, q: d["references"][0].pop("supports"),
     "references[0].supports", "what in the lesson rests on it; found nothing"),
    ("an arXiv id", lambda d, q: d["references"][0].update(where="arXiv 1508.7909"),
     "references[0].where", "an id like arXiv:1508.07909; found arXiv 1508.7909"),
    ("section ids", lambda d, q: d["sections"][2].update(id="s1"), "sections[2].id", "each id once; found s1 again"),
    ("question ids", lambda d, q: q["questions"][4].update(id="q1"), "questions[4].id", "each id once; found q1 again"),
    ("a section's name", lambda d, q: q["questions"][0].update(section="s9"),
     "questions[0].section", "expected one of s1, s2, s3, s4, s5; found s9"),
    ("a checkpoint's name", lambda d, q: d["sections"][3].update(check="q22"), "sections[3].check", "expected q2, perhaps"),
    ("a prediction's name", lambda d, q: d["sections"][1]["demo"].update(predict="nothing-like-it"),
     "sections[1].demo.predict", "expected one of q1, q2, q3"),
    ("a prerequisite", lambda d, q: d.update(prerequisites=["goats"]), "prerequisites[0]", "found goats"),
    ("itself before itself", lambda d, q: d.update(prerequisites=["sheep"]), "prerequisites[0]", "another lesson; found sheep"),
    ("a demo's name", lambda d, q: d["sections"][1]["demo"].update(name="tokeniser"),
     "sections[1].demo.name", "expected tokenizer, perhaps; found tokeniser"),
    ("a preset", lambda d, q: d["sections"][1]["demo"]["set"].update(merges=100_000),
     "sections[1].demo.set", "`merges` must be from 0 to"),
    ("a figure's demo", lambda d, q: d["figures"][0].update(demo="nothing"), "figures[0].demo", "found nothing"),
    ("a figure's preset", lambda d, q: d["figures"][0]["set"].update(mergers=1), "figures[0].set", "no parameter `mergers`."),
    ("a figure's path", lambda d, q: d["figures"][0].update(expect={"merges[7]": 1}),
     'figures[0].expect["merges[7]"]', "The demo's result has no merges[7]."),
    ("a figure", lambda d, q: d["figures"][0].update(expect={"merges[0]": ["a", "b"]}),
     'figures[0].expect["merges[0]"]', 'expected ["a", "a"]; found ["a", "b"]'),
    ("a term that is not used", lambda d, q: d["terms"].append({"zh": "狼", "en": "wolf", "definition": text("兽", "Beast")}),
     "terms[1].zh", "a term that the text uses; found 狼"),
    ("a question to a section that is not there", lambda d, q: d.update(asked=[{"section": "s9", "at": {}, "en": ["why"]}]),
     "asked[0].section", "one of s"),
    ("a question to words that are gone", lambda d, q: d.update(
        asked=[{"section": d["sections"][0]["id"], "at": {"en": ["no such words"]}, "en": ["why"]}]),
     "asked[0].at.en[0]", "found no such words"),
    ("a term twice", lambda d, q: d["terms"].append({"zh": "羊", "en": "sheep", "definition": text("兽", "Beast")}),
     "terms[1].zh", "each term once; found 羊 again"),
    ("a term without its English", lambda d, q: [d["sections"][n]["body"].update(
        zh=d["sections"][n]["body"]["zh"].replace("（sheep）", "")) for n in (0, 2, 4, 5, 6)],
     "terms[0].en", "where section s1 first uses 羊; found sheep not there"),
    ("HTML", set_body(0, en="A <b>bold</b> sheep. "), "sections[0].body.en", "no HTML outside code"),
    ("an image", set_body(0, zh="![羊](sheep.png)"), "sections[0].body.zh", "no images"),
    ("LaTeX", set_body(0, en=r"$x^2$ and \frac{1}{2}. "), "sections[0].body.en", "no LaTeX"),
    ("an open fence", lambda d, q: d["sections"][0]["body"].update(en=d["sections"][0]["body"]["en"] + "\n```\nopen"),
     "sections[0].body.en", "each code fence closed"),
    ("a wide diagram", set_body(0, zh=fence("羊" * 39)), "sections[0].body.zh", "at most 76 cells in a line of code; found 78 cells"),
    ("ambiguous width", set_body(0, en=fence("a → b α")), "sections[0].body.en", "found α →"),
    ("Han beside Latin", set_body(0, zh="数到9只羊。"), "sections[0].body.zh", "a space between Han and Latin"),
    ("half-width punctuation", set_body(0, zh="数羊,再数。"), "sections[0].body.zh", "full-width punctuation beside Han"),
    ("full-width digits", set_body(0, zh="数到 ９。"), "sections[0].body.zh", "half-width digits"),
    ("few questions", lambda d, q: q.update(questions=q["questions"][:4]), "questions", "from 8 to 12 questions; found 4"),
    ("no number", lambda d, q: q["questions"].__setitem__(1, choice("q2")), "questions", "question of kind number; found none"),
    ("no predict", lambda d, q: q["questions"].__setitem__(2, choice("q3")), "questions", "question of kind predict; found none"),
    ("the longest is right", lambda d, q: q["questions"].__setitem__(slice(3, 5), [choice("q4", True), choice("q5", True)]),
     "questions", "at most 35% of the choice questions (zh); found 3 of 6: q1, q4, q5"),
    ("all of the above", lambda d, q: q["questions"][0]["options"].append(
        {"text": text("以上都对", "All of the above"), "why": text("不", "No")}),
     "questions[0].options[2].text.en", "an option that says something itself; found all of the above"),
    ("以上都对", lambda d, q: q["questions"][0]["options"].append(
        {"text": text("以上都对", "All of the above"), "why": text("不", "No")}),
     "questions[0].options[2].text.zh", "an option that says something itself; found 以上都对"),
    ("options alike", lambda d, q: q["questions"][0]["options"][1].update(text=q["questions"][0]["options"][0]["text"]),
     "questions[0].options[1].text.en", "options that differ"),
    ("reasons alike", lambda d, q: q["questions"][0]["options"][1].update(why=q["questions"][0]["options"][0]["why"]),
     "questions[0].options[1].why.en", "a reason of its own"),
    ("a negative stem", lambda d, q: q["questions"][0].update(prompt=text("哪只不是羊？", "Which of these is not a sheep?")),
     "questions[0].prompt.en", "set off as **not**"),
    ("a negative stem in Chinese", lambda d, q: q["questions"][0].update(prompt=text("下列说法错误的是", "Which is wrong?")),
     "questions[0].prompt.zh", "set off as **not**"),
    ("a prediction's path", lambda d, q: q["questions"][2].update(field="mergers"),
     "questions[2].field", "The demo's result has no mergers."),
    ("a prediction's options", lambda d, q: q["questions"][2]["options"][0].update(text=text("b, b", "b, b")),
     "questions[2]", "answers that can be graded; found No option of question q3 says what the demo says"),
    ("a prediction marked wrong", lambda d, q: q["questions"][2]["options"][1].update(correct=True),
     "questions[2].options[1]", "an answer graded as right; found 1"),
    ("a formula", lambda d, q: q["questions"][1].update(answer="n / (n - 2)"), "questions[1]", "answers that can be graded"),
    ("a varied name", lambda d, q: q["questions"][1].update(prompt=text("几只加一只？", "{n} and one?")),
     "questions[1].prompt.zh", "{n} in the prompt; found nothing"),
    ("a wide tolerance", lambda d, q: q["questions"][1].update(tolerance=20, relative=True),
     "questions[1].tolerance", "a wrong answer graded as wrong"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "field", "sentence"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_each_rule_finds_what_breaks_it(
    tmp_path: Path, change: Callable[[Data, Data], Any], field: str, sentence: str
) -> None:
    problems = problems_of(tmp_path, change)
    found = [str(problem) for problem in problems if problem.field == field]
    assert any(sentence in line for line in found), [str(problem) for problem in problems]
    assert all(problem.line > 0 and not problem.note for problem in problems)


@pytest.mark.parametrize(
    "change",
    [
        set_body(0, en="Use `<b>` and `$x$`; it costs $5 or $6. "),
        set_body(0, en=fence("x̄ = α × ∑ √2 …", "math")),
        set_body(0, zh=fence("┌──┬──┐\n│羊│█▓│\n└──┴──┘")),
        set_body(0, zh="看 `羊a` 和 `b羊`。"),
        lambda d, q: q["questions"][0].update(prompt=text("哪只**不是**羊？", "Which of these is **not** a sheep?")),
        lambda d, q: q["questions"][0].update(prompt=text("日志说明了什么错误？", "What does this log say is not right?")),
        lambda d, q: d["terms"][0].update(zh="羊（绵羊）"),
    ],
)  # fmt: skip
def test_what_only_looks_wrong_is_let_through(tmp_path: Path, change: Callable[[Data, Data], Any]) -> None:
    assert [str(problem) for problem in problems_of(tmp_path, change)] == []


def test_a_problem_in_a_body_has_the_line_within_it(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    path = tmp_path / "lessons" / "07-sheep.yaml"
    path.write_text(path.read_text(encoding="utf-8").rstrip().removesuffix("}") + "}", encoding="utf-8")
    body = "    body:\n      en: |\n        One.\n\n        Two <b>.\n"
    head = "format: 1\nnumber: 7\nslug: sheep\npart: A\nminutes: 1\ntitle: {en: T}\nanswer: {en: A}\ngoals: [{en: G}]\n"
    path.write_text(head + "sections:\n  - id: a\n    title: {en: T}\n" + body, encoding="utf-8")
    problems = check(Library(tmp_path, tmp_path / "cache"), strict=False)
    html = next(problem for problem in problems if "HTML" in problem.expected.en)
    assert (html.field, html.line) == ("sections[0].body.en", 16)


def test_a_course_by_someone_else_is_not_held_to_our_manner(tmp_path: Path) -> None:
    def change(lesson: Data, quiz: Data) -> None:
        lesson["goals"][0].pop("en")
        lesson["sections"] = lesson["sections"][:4]
        quiz["questions"] = quiz["questions"][:3]
        quiz["questions"][2]["section"] = "s1"

    assert problems_of(tmp_path, change, strict=None) == []


def test_file_names_and_strays_are_told(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    (tmp_path / "lessons" / "Notes\x1b.yaml").write_text("a: 1")
    (tmp_path / "lessons" / "07-goats.yaml").write_text("[")
    (tmp_path / "quizzes" / "09-cows.yaml").write_text("[")
    sentences = [str(problem) for problem in check(Library(tmp_path, tmp_path / "cache"), strict=True)]
    assert any(r"lessons/Notes\x1b.yaml: expected a name like 02-tokenizer.yaml" in line for line in sentences)
    assert any(
        "lessons/07-sheep.yaml: expected a number and a slug of its own; found those of" in line for line in sentences
    )
    assert any(line.startswith("lessons/07-goats.yaml:1: expected valid YAML") for line in sentences)
    assert any(line.startswith("quizzes/09-cows.yaml: expected a lesson of that name") for line in sentences)
    assert any(line.startswith("quizzes/09-cows.yaml:1: expected valid YAML") for line in sentences)


def test_the_first_line_tells_editors_of_the_schema(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    path = tmp_path / "quizzes" / "07-sheep.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    problems = check(Library(tmp_path, tmp_path / "cache"), strict=True)
    assert [str(problem) for problem in problems] == [
        "quizzes/07-sheep.yaml:1: expected # yaml-language-server: $schema=schema.json; found {."
    ]


def test_a_lesson_without_a_quiz_is_told(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    (tmp_path / "quizzes" / "07-sheep.yaml").unlink()
    sentences = [str(problem) for problem in check(Library(tmp_path, tmp_path / "cache"), strict=True)]
    assert any("expected a quiz, quizzes/07-sheep.yaml; found none" in line for line in sentences)


def test_the_curriculum_is_kept_to(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    topic = "{number: 8, slug: sheep, part: B, title: {zh: 羊怎么数呢？, en: Sheep}}"
    (tmp_path / "lessons" / "curriculum.yaml").write_text(f"format: 1\ntopics: [{topic}]\n", encoding="utf-8")
    found = {problem.field: str(problem) for problem in check(Library(tmp_path, tmp_path / "cache"), strict=True)}
    assert found.keys() == {"number", "part", "title.zh"}
    assert "expected 羊怎么数呢？, as in the curriculum; found 羊怎么数？" in found["title.zh"]


def test_lessons_that_need_each_other_are_told(tmp_path: Path) -> None:
    for number, slug, needed in (
        (7, "sheep", "goats"),
        (8, "goats", "cows"),
        (9, "cows", "sheep"),
        (10, "dogs", "cows"),
    ):
        changed = lesson() | {"number": number, "slug": slug, "prerequisites": [needed]}
        write(tmp_path, changed, quiz() | {"lesson": slug}, f"{number:02d}-{slug}.yaml")
    problems = check(Library(tmp_path, tmp_path / "cache"), strict=True)
    assert [problem.file for problem in problems] == [
        f"lessons/{name}.yaml" for name in ("07-sheep", "08-goats", "09-cows")
    ]


def test_what_cannot_be_computed_is_noted_and_no_failure(tmp_path: Path) -> None:
    def change(lesson: Data, quiz: Data) -> None:
        lesson["figures"].append({"demo": "decoding", "set": {"prompt": "a"}, "expect": {"text": "b"}})
        cut = {"id": "q4", "section": "s1", "kind": "spans", "text": "ab", "tokenizer": "qwen"}
        quiz["questions"][3] = cut | {"prompt": text("切", "Cut"), "explain": text("切", "Cut")}

    notes = problems_of(tmp_path, change)
    assert all(problem.note for problem in notes)
    assert {str(problem).split("found ")[1] for problem in notes} == {
        "not recomputed: needs a model.",
        "not recomputed: needs a tokenizer.",
    }

    def tokenize(name: str, given: str) -> list[TokenPiece]:
        return [TokenPiece(0, c, c.encode(), i, i + 1) for i, c in enumerate(given)]

    assert len(problems_of(tmp_path, change, tokenize=tokenize)) == 1


def test_without_demos_nothing_is_run(tmp_path: Path) -> None:
    def change(lesson: Data, quiz: Data) -> None:
        lesson["figures"][0]["expect"] = {"merges[0]": "wrong"}

    problems = problems_of(tmp_path, change, demos=False)
    assert problems and all(problem.note and "not run, as asked" in str(problem) for problem in problems)


def test_only_the_lessons_asked_for_are_checked(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    write(tmp_path, lesson(), quiz(), "08-goats.yaml")
    library = Library(tmp_path, tmp_path / "cache")
    assert check(library, strict=True, only=["sheep"]) == []
    assert check(library, strict=True) != []


def test_any_file_that_loads_can_be_checked(tmp_path: Path) -> None:
    write(tmp_path, lesson(), quiz())
    files = [tmp_path / kind / "07-sheep.yaml" for kind in ("lessons", "quizzes")]
    originals = [file.read_bytes() for file in files]
    library = Library(tmp_path, tmp_path / "cache")
    for number in range(soak.count(300)):
        chance = random.Random(number)
        # Small things only: most of what they make can still be loaded.
        at, cut = chance.randrange(2), chance.randint(1, 4)
        place = chance.randrange(len(originals[at]))
        text = (
            originals[at][:place]
            + chance.choice([b"", b"9", b" ", b"\xe7\xbe\x8a", b"`", b"-"])
            + originals[at][place + cut :]
        )
        files[at].write_bytes(text)
        assert all(str(problem) for problem in check(library, demos=False, strict=True)), number
        files[at].write_bytes(originals[at])


@pytest.mark.parametrize(
    "text",
    [
        "`" * 300_000,
        " ".join("`" * n for n in range(1, 700)),
        "![" * 150_000,
        "<a " * 100_000,
        "$a" * 150_000,
        "**a" * 100_000,
        "which " * 60_000,
        "(" * 300_000,
        "哪" * 100_000,
        "a" * 300_000,
        "~~~\n```\n" * 40_000,
    ],
    ids=range(11),
)
def test_no_text_can_keep_the_check_busy(tmp_path: Path, text: str) -> None:
    data, questions = lesson(), quiz()
    data["sections"][0]["body"]["en"] += text
    data["terms"][0]["en"] = text[:250_000]
    questions["questions"][0]["prompt"]["en"] = text
    write(tmp_path, data, questions)
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from tutor.content.check import check; from tutor.content.library import Library\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20))\n"  # seconds of the processor; it takes less than two
        "print(len(check(Library(Path(sys.argv[1]), Path(sys.argv[1]) / 'cache'), strict=True)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0 and int(run.stdout) > 0, run.stderr[-300:]


def test_what_is_counted() -> None:
    markdown = "羊 sheep，`code 羊` 2 只。\n```\n羊羊羊 many words\n```\n- don't stop — now\n"
    assert han_characters(markdown) == 3
    assert words(markdown) == len(["羊", "sheep，`code", "羊`", "2", "只。", "don't", "stop", "now"])
    assert cells("a羊ｂé…") == 7
    assert [character for character in "a→羊─█α×●é…┼" if ambiguous(character)] == ["→", "α", "×", "●", "é", "…"]
    assert open_fence("```\na\n") and not open_fence("```\na\n```\n") and not open_fence("````\n```\n````\n")
    assert prose("a `x` b\n```\nc\n```\nd") == "a ` b\n\n\n\nd"


def test_the_shipped_lessons_keep_every_rule(tmp_path: Path) -> None:
    from tutor.runtime.tokenizers import tokenize

    problems = check(Library(cache=tmp_path), tokenize=tokenize)
    assert [str(problem) for problem in problems if not problem.note] == []


def test_the_sample_sections_are_as_long_as_they_must_be() -> None:
    body = section("s")["body"]
    assert (han_characters(body["zh"]), words(body["en"])) == (246, 177)


def test_a_figure_holds_in_both_languages(tmp_path: Path) -> None:
    def change(lesson: Data, quiz: Data) -> None:
        corpus = {"zh": "aab aab", "en": "abb abb abb"}
        lesson["figures"] = [
            {"demo": "tokenizer", "set": {"corpus": corpus, "merges": 1}, "expect": {"merges[0]": ["a", "a"]}}
        ]

    [problem] = problems_of(tmp_path, change)
    assert str(problem).endswith('figures[0].expect["merges[0]"]: expected ["a", "b"]; found ["a", "a"].')
