"""Search finds sections by words and Han, in both languages at once, the same each time."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.content.samples import LESSON, QUIZ, make_course, numbered, replaced
from tutor.content import search as search_module
from tutor.content.library import Library
from tutor.content.query import terms
from tutor.content.search import matches, search
from tutor.content.ways import Ways
from tutor.domain.lesson import Excerpts

ROOT = Path(__file__).parent.parent.parent

WOLVES = """
  - id: wolves
    title: {zh: 狼群, en: Wolf packs}
    body:
      zh: |
        狼成群捕猎。

        > 头狼（alpha）不是最凶的那只。
      en: |
        Wolves hunt in packs.

        ```
        alpha beta
        ```

        The **alpha** is not the fiercest one; see top-k.
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr(search_module, "FRESH", 0.0)  # files change between one query and the next
    monkeypatch.setattr(search_module, "LONG", math.inf)  # however slow the disk is just now
    course = make_course(tmp_path / "course")
    lesson, quiz, name = numbered(8, "wolves")
    make_course(course, replaced(lesson, "\n  - demo:", WOLVES + "  - demo:"), quiz, name)
    return Library(course, tmp_path / "cache")


def places(library: Library, query: str) -> list[tuple[str, str]]:
    return [(hit.lesson, hit.section) for hit in search(library, query)]


def test_terms_are_words_and_han_pairs() -> None:
    assert list(terms("Tokens, top-k 字节对！ｃｌａｓｓ 4")) == [
        "token",
        "top",
        "k",
        "top-k",
        "字节",
        "节对",
        "字",
        "节",
        "对",
        "class",
        "4",
    ]


@pytest.mark.parametrize("query", ["wolf packs", "狼群", "WOLVES hunt", "头狼", "alpha", "top-k", "狼", "ｗｏｌｖｅｓ"])
def test_a_query_finds_the_section_that_speaks_of_it(library: Library, query: str) -> None:
    assert places(library, query)[0] == ("wolves", "wolves")


def test_a_question_s_explanation_leads_to_its_section(library: Library, tmp_path: Path) -> None:
    quiz = replaced(QUIZ, "en: Three.}", "en: Addition is commutative.}")
    make_course(tmp_path / "course", LESSON, quiz)
    assert places(library, "commutative") == [("sheep", "one")]


def test_a_title_counts_for_more_than_the_text(library: Library, tmp_path: Path) -> None:
    text = replaced(LESSON, "A sheep comes out", "The gate, a gate, comes out")
    make_course(tmp_path / "course", text)
    lesson, quiz, name = numbered(9, "gates")
    make_course(tmp_path / "course", replaced(lesson, "en: The first sheep", "en: A gate"), quiz, name)
    assert places(library, "gate")[0] == ("gates", "one")


def test_what_nobody_speaks_of_is_not_found(library: Library) -> None:
    assert search(library, "quantum chromodynamics") == []
    assert search(library, "") == search(library, "！？…") == []


def test_equal_hits_come_in_the_order_of_the_lessons_and_no_more_than_asked(library: Library) -> None:
    assert places(library, "gate") == [("sheep", "one"), ("wolves", "one")]
    assert len(search(library, "gate", limit=1)) == 1


ASKED = """
asked:
  - section: wolves
    at: {en: [fiercest one], zh: [最凶的那只]}
    zh: [哪只最厉害]
    en: [who bites hardest, is the boss the meanest]
  - section: wolves
    at: {en: [hunt in packs]}
    en: [do they eat together]
"""


def test_how_learners_ask_leads_to_the_words_that_answer(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "course" / "lessons" / "08-wolves.yaml"
    assert places(library, "who is the boss and bites hardest") == []
    file.write_text(file.read_text(encoding="utf-8") + ASKED, encoding="utf-8")
    for query, words in (("so the boss is the meanest?", "fiercest one"), ("eating together", "hunt in packs")):
        best, *_ = matches(library, query).best
        assert (best.lesson, best.section) == ("wolves", "wolves")
        assert best.pointers[0].at.en == (words,)
        assert 0 < best.pointers[0].likeness <= 1
        assert best.pointers[0].likeness > best.pointers[1].likeness


def test_ways_to_ask_are_compared_term_by_term() -> None:
    rarity = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.5}
    phrases, asked = ["a b", "d"], [(("甲",), (), ["a c", "b c d"]), ((), ("x",), ["d a"])]
    ways = Ways(phrases, asked, rarity)
    said = {"a": 0.7, "c": 2.0, "e": 9.0}

    def alike(way: str) -> float:
        terms = way.split()
        shared = [term for term in terms if term in said]
        return sum(said[term] for term in shared) * sum(rarity[term] for term in shared) / sum(map(rarity.get, terms))

    assert ways.places == [None, Excerpts(("甲",), ()), Excerpts((), ("x",))]
    assert ways.alike(said, rarity) == pytest.approx(
        [max(map(alike, group)) for group in (phrases, asked[0][2], asked[1][2])]
    )


def test_a_snippet_is_the_line_that_matches_without_marks(library: Library) -> None:
    hit = search(library, "alpha")[0]
    assert hit.title.zh == "狼群"
    assert hit.snippet.en == "The alpha is not the fiercest one; see top-k."
    assert hit.snippet.zh == "头狼（alpha）不是最凶的那只。"


def test_a_long_line_is_cut_around_the_match(library: Library, tmp_path: Path) -> None:
    line = "羊" * 300 + "牧羊犬" + "草" * 300
    make_course(tmp_path / "course", replaced(LESSON, "羊（sheep）从门里出来。", line))
    snippet = search(library, "牧羊犬")[0].snippet.zh
    assert "牧羊犬" in snippet and snippet.startswith("...") and snippet.endswith("...") and len(snippet) == 126


def test_a_changed_lesson_is_found_by_its_new_words(library: Library, tmp_path: Path) -> None:
    assert places(library, "llama") == []
    make_course(tmp_path / "course", replaced(LESSON, "A sheep comes", "A llama comes"))
    assert places(library, "llama") == [("sheep", "one")]
    (tmp_path / "course" / "lessons" / "07-sheep.yaml").unlink()
    assert places(library, "llama") == []


def test_a_broken_lesson_is_left_out(library: Library, tmp_path: Path) -> None:
    make_course(tmp_path / "course", "[")
    assert places(library, "gate") == [("wolves", "one")]


def test_the_index_is_kept_and_a_damaged_one_counts_as_none(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = search(library, "wolf gate")
    path = next((tmp_path / "cache").glob("search-*.json"))
    sound = path.read_bytes()
    for damage in (
        sound[:-5],
        b"{}",
        json.dumps({"version": "", "lessons": {}}).encode(),
        sound.replace(b":1,", b':"x",'),
    ):
        path.write_bytes(damage)
        assert search(Library(tmp_path / "course", tmp_path / "cache"), "wolf gate") == expected
        assert path.read_bytes() == sound
    monkeypatch.setattr(search_module, "read_sections", None)  # nothing is read again
    assert search(Library(tmp_path / "course", tmp_path / "cache"), "wolf gate") == expected


def test_every_program_finds_the_same(library: Library, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tutor.content.library import Library\n"
        "from tutor.content.search import search\n"
        "print([(h.lesson, h.section, h.score) for h in search(Library(Path(sys.argv[1])), 'wolf gate 狼 sheep')])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "course")],
            cwd=ROOT, env={"PYTHONHASHSEED": seed, "QWTUTOR_HOME": str(tmp_path / seed)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in "123"
    }  # fmt: skip
    assert len(runs) == 1


def test_the_shipped_lessons_are_found_in_both_languages(tmp_path: Path) -> None:
    library = Library(cache=tmp_path)
    for query, lesson in (
        ("字节对编码怎么选要合并的一对", "tokenizer"),
        ("which pair does byte-pair encoding merge", "tokenizer"),
        ("重复惩罚", "decoding"),
        ("nucleus sampling top-p", "decoding"),
    ):
        assert search(library, query)[0].lesson == lesson


def test_where_looking_takes_long_a_change_is_found_by_the_query_after_the_next(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places(library, "walrus") == []
    lesson, quiz, name = numbered(9, "seals")
    section = WOLVES.replace("alpha", "walrus")
    make_course(tmp_path / "course", replaced(lesson, "\n  - demo:", section + "  - demo:"), quiz, name)
    monkeypatch.setattr(search_module, "LONG", -1.0)
    assert places(library, "walrus") == []
    for thread in threading.enumerate():
        if thread.name == search_module.LOOKING:
            thread.join(10)
    assert places(library, "walrus") == [("seals", "wolves")]
