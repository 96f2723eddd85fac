"""From plain data to lessons and quizzes: every problem with its line and field, all of them at once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tests.content.samples import LESSON, line_of, make_course, replaced
from tutor.content.formats import RULES, Curriculum, Topic, shape
from tutor.content.loader import MAX_PROBLEMS, convert, load_curriculum, load_lesson, load_quiz
from tutor.content.problem import ContentError, Problem
from tutor.content.reader import parse
from tutor.domain.language import Text
from tutor.domain.lesson import (
    Asked,
    CheckBlock,
    DemoBlock,
    Excerpts,
    Figure,
    LabBlock,
    Lesson,
    Reference,
    Section,
    Term,
)
from tutor.domain.quiz import KINDS, Choice, Multi, Number, Option, Order, Predict, Question, Quiz, Spans, TextAnswer

HEAD = "format: 1\nlesson: sheep\nquestions:\n"
COMMON = "id: q, section: s, prompt: {en: P}, explain: {en: E}"


def lesson_problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ContentError) as refusal:
        convert(parse(text.encode(), "lessons/07-sheep.yaml"), Lesson)
    return refusal.value.problems


def question(text: str) -> Question:
    return convert(parse(f"{HEAD}  - {text}\n".encode(), "x"), Quiz).questions[0]


def question_sentence(text: str) -> str:
    with pytest.raises(ContentError) as refusal:
        question(text)
    return str(refusal.value.problems[0])


def test_a_lesson_comes_out_as_it_was_written(tmp_path: Path) -> None:
    make_course(tmp_path)
    lesson = load_lesson(tmp_path / "lessons" / "07-sheep.yaml", "lessons/07-sheep.yaml").value
    assert lesson == Lesson(
        number=7,
        slug="sheep",
        part="A",
        title=Text("羊怎么数？", "How are sheep counted?"),
        answer=Text("一只一只地数。", "One by one."),
        goals=(Text("数到三", "Count to three"),),
        minutes=5,
        blocks=(
            Section(
                "one",
                Text("第一只羊", "The first sheep"),
                Text("羊（sheep）从门里出来。\n数一。\n", "A sheep comes out of the gate.\nCount one.\n"),
            ),
            DemoBlock("tokenizer", {"merges": 2}, "q-one"),
            CheckBlock("q-two"),
        ),
        terms=(Term("羊", "sheep", Text("一种动物", "An animal")),),
        figures=(Figure("tokenizer", {"merges[0]": ["a", "a"]}, {"corpus": {"aa": 2}, "merges": 1}),),
        references=(Reference("Anna Shepherd", "On Counting", 1999, "arXiv:cs/9901001", Text("一", "one")),),
    )


def test_a_quiz_comes_out_as_it_was_written(tmp_path: Path) -> None:
    make_course(tmp_path)
    quiz = load_quiz(tmp_path / "quizzes" / "07-sheep.yaml", "x").value
    first, second = quiz.questions
    assert isinstance(first, Choice) and [option.correct for option in first.options] == [True, False]
    assert second == Number(
        id="q-two",
        section="one",
        prompt=Text("两只加一只？", "Two and one?"),
        explain=Text("三只。", "Three."),
        answer=3.0,
        unit="sheep",
    )


@pytest.mark.parametrize(
    ("text", "cls", "expected"),
    [
        ("kind: multi, options: [{text: {en: a}, why: {en: w}, correct: true}, {text: {en: b}, why: {en: v}}]", Multi,
         {"options": (Option(Text("", "a"), Text("", "w"), True), Option(Text("", "b"), Text("", "v")))}),
        ("kind: number, answer: 'p * 2', vary: {p: [1, 2.5]}, tolerance: 0.1, relative: true", Number,
         {"answer": "p * 2", "vary": {"p": [1.0, 2.5]}, "tolerance": 0.1, "relative": True}),
        ("kind: text, accept: [sheep, 羊]", TextAnswer, {"accept": ("sheep", "羊")}),
        ("kind: order, items: [{en: a}, {zh: 乙}]", Order, {"items": (Text("", "a"), Text("乙", ""))}),
        ("kind: predict, demo: tokenizer, field: 'merges[0]', set: {corpus: {a: 1}}", Predict,
         {"demo": "tokenizer", "field": "merges[0]", "set": {"corpus": {"a": 1}}, "options": ()}),
        ("kind: spans, text: ab c, tokenizer: cl100k_base, hint: {en: h}, revision: 2", Spans,
         {"text": "ab c", "tokenizer": "cl100k_base", "hint": Text("", "h"), "revision": 2}),
    ],
)  # fmt: skip
def test_every_kind_of_question_is_read(text: str, cls: type[Question], expected: dict[str, object]) -> None:
    found = question("{" + text + ", " + COMMON + "}")
    assert type(found) is cls
    assert {name: getattr(found, name) for name in expected} == expected


def test_all_seven_kinds_are_tried_above() -> None:
    assert set(KINDS.values()) == {Choice, Multi, Number, TextAnswer, Order, Predict, Spans}


@pytest.mark.parametrize(
    ("old", "new", "field", "sentence"),
    [
        ("format: 1", "format: 2", "format", "expected 1; found 2"),
        ("format: 1\n", "", "format", "expected 1; found nothing"),
        ("number: 7", "number: seven", "number", "expected a whole number; found seven"),
        ("number: 7", "number: 7.5", "number", "expected a whole number; found 7.5"),
        ("number: 7", "number: true", "number", "expected a whole number; found true"),
        ("number: 7", "number: 0", "number", "expected from 1 to 9999; found 0"),
        ("slug: sheep", "slug: Sheep!", "slug", "expected text like [a-z0-9][a-z0-9-]{0,63}; found Sheep!"),
        ("slug: sheep", "slug: 42", "slug", "expected text (in quotes where it looks like a number"),
        ("part: A", "part: G", "part", "expected one of A, B, C, D, E, F; found G"),
        ("minutes: 5", "minuets: 5", "minuets", "expected minutes, perhaps; found an unknown key"),
        ("answer: {zh: 一只一只地数。, en: One by one.}", "answer: One by one.", "answer", "expected a mapping"),
        ("answer: {zh: 一只一只地数。, en: One by one.}", "answer: {zh: '', en: ' '}", "answer", "found empty text"),
        ("en: How are", "de: How are", "title.de", "found an unknown key"),
        ("goals:\n  - {zh: 数到三, en: Count to three}", "goals: []", "goals", "expected from 1 to 12; found 0"),
        ("goals:\n  - {zh: 数到三, en: Count to three}", "goals: {}", "goals", "expected a list; found a mapping"),
        ("zh: 羊, en: sheep,", "zh: 羊,", "terms[0].en", "expected the key en; found nothing"),
        ("zh: 羊, en: sheep,", "zh: 羊, en: '',", "terms[0].en", "expected text; found empty text"),
        ("demo: tokenizer, set: {corpus", "demo: 'a/b', set: {corpus", "figures[0].demo", "found a/b"),
        ('expect: {"merges[0]": [a, a]}', "expect: {}", "figures[0].expect", "expected from 1 to 100; found 0"),
        ("title: {zh: 第一只羊, en: The first sheep}", "titel: {zh: 第一只羊}", "sections[0].titel", "title, perhaps"),
        ("predict: q-one", "predicts: q-one", "sections[1].demo.predicts", "expected predict, perhaps"),
        ("- check: q-two", "- check: [q-two]", "sections[2].check", "found a list"),
        ("- check: q-two", "- check: q-two\n    extra: 1", "sections[2].extra", "found an unknown key"),
        ("year: 1999", "year: 199", "references[0].year", "expected from 1600 to 2200; found 199"),
        ("merges: 1}", "merges: .inf}", "figures[0].set.merges", "expected a finite number"),
    ],
)
def test_a_problem_names_line_and_field(old: str, new: str, field: str, sentence: str) -> None:
    text = replaced(LESSON, old, new)
    problem = next(found for found in lesson_problems(text) if found.field == field)
    assert sentence in str(problem)
    if new:
        last = new.splitlines()[-1]
        assert problem.line == line_of(text, last)


def test_all_problems_are_told_at_once() -> None:
    text = replaced(replaced(LESSON, "number: 7", "number: x"), "year: 1999", "year: x")
    text = replaced(text, "- check: q-two", "- czech: q-two")
    problems = lesson_problems(text)
    assert {"number", "references[0].year", "sections[2].czech"} <= {problem.field for problem in problems}
    with pytest.raises(ContentError, match=f"`qwtutor check` lists {len(problems)} problems"):
        convert(parse(text.encode(), "x"), Lesson)


def test_a_file_that_is_wrong_throughout_is_refused_like_any_other() -> None:
    text = LESSON.replace("prerequisites", "x") + "prerequisites: [" + "'!', " * 500 + "]\n"
    problems = lesson_problems(replaced(text, "year: 1999, ", ""))
    assert len(problems) == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{id: q}", "questions[0].kind: expected one of choice, multi, number, text, order, predict, spans; found nothing"),
        ("{kind: chioce}", "questions[0].kind: expected one of choice"),
        ("just text", "questions[0]: expected a mapping; found just text"),
        ("{kind: choice, " + COMMON + ", options: [{text: {en: a}, why: {en: w}}, {text: {en: b}, why: {en: v}}]}",
         "questions[0].options: expected exactly one option with `correct: true`; found 0"),
        ("{kind: multi, " + COMMON + ", options: [{text: {en: a}, why: {en: w}}, {text: {en: b}, why: {en: v}}]}",
         "questions[0].options: expected at least one option with `correct: true`; found 0"),
        ("{kind: choice, " + COMMON + ", options: [{text: {en: a}, why: {en: w}, correct: true}]}",
         "questions[0].options: expected from 2 to 8; found 1"),
        ("{kind: number, " + COMMON + ", answer: 1, vary: {p: []}}", "questions[0].vary.p: expected at least 1; found 0"),
        ("{kind: number, " + COMMON + ", answer: 1, vary: {p: [x]}}", "questions[0].vary.p[0]: expected a number; found x"),
        ("{kind: number, " + COMMON + ", answer: 1, tolerance: -1}", "questions[0].tolerance: expected at least 0; found -1"),
        ("{kind: number, " + COMMON + ", answer: [1]}", "questions[0].answer: expected a number; found a list"),
        ("{kind: text, " + COMMON + ", accept: [1]}", "questions[0].accept[0]: expected text (in quotes"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_refused(text: str, sentence: str) -> None:
    assert sentence in question_sentence(text)


def test_a_course_in_one_language_falls_back_to_it() -> None:
    english = convert(parse(replaced(LESSON, "zh: 羊怎么数？, ", "").encode(), "x"), Lesson)
    assert english.title.get("zh") == "How are sheep counted?"


def test_text_in_a_problem_cannot_act_on_the_terminal() -> None:
    text = replaced(LESSON, "part: A", 'part: "\u202eA' + "x" * 200 + '"')
    sentence = str(lesson_problems(text)[0])
    assert "\u202e" not in sentence and len(sentence) < 200


def test_a_curriculum_is_a_list_of_topics(tmp_path: Path) -> None:
    path = tmp_path / "curriculum.yaml"
    path.write_text("format: 1\ntopics: [{number: 1, slug: a, part: B, title: {zh: 甲, en: A}}]\n", encoding="utf-8")
    assert load_curriculum(path, "x") == Curriculum((Topic(1, "a", "B", Text("甲", "A")),))


def test_every_field_of_the_formats_has_a_rule_and_every_rule_a_field() -> None:
    classes = [
        Text,
        Lesson,
        Asked,
        Excerpts,
        Term,
        Figure,
        Reference,
        Section,
        DemoBlock,
        LabBlock,
        Quiz,
        Option,
        Curriculum,
        Topic,
        *KINDS.values(),
    ]
    for cls in classes:
        shape(cls)  # raises where a rule is missing
    known = {(cls, field.name) for cls in [*classes, Question] for field in fields(cls)}
    assert RULES.keys() <= known
    assert all(rule.doc for rule in RULES.values())
