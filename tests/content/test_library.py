"""Lists come from the index, lessons from their files; nothing in a course can hide the rest or lead out of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.content.samples import LESSON, QUIZ, make_course, numbered, replaced
from tutor import places
from tutor.content import index as index_file
from tutor.content import loader
from tutor.content.library import Library
from tutor.content.problem import ContentError
from tutor.domain.entry import Entry
from tutor.domain.errors import NotFound
from tutor.domain.language import Text

ROOT = Path(__file__).parent.parent.parent
CURRICULUM = """\
format: 1
topics:
  - {number: 7, slug: sheep, part: A, title: {zh: 羊怎么数？, en: Sheep}}
  - {number: 8, slug: goats, part: B, title: {zh: 山羊呢？, en: And goats}}
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entry(library: Library, slug: str = "sheep") -> Entry:
    return next(found for found in library.entries() if found.slug == slug)


def test_without_an_index_a_lesson_is_listed_by_its_slug(course: Path, cache: Path) -> None:
    make_course(course, *numbered(12, "dog-and-wolf"))
    assert [(e.number, e.title.en, e.stale, e.written) for e in Library(course, cache).entries()] == [
        (7, "sheep", True, True),
        (12, "dog and wolf", True, True),
    ]


def test_refresh_fills_in_what_the_files_say(course: Path, cache: Path) -> None:
    expected = (Entry(7, "sheep", "A", Text("羊怎么数？", "How are sheep counted?"), minutes=5, questions=2),)
    assert Library(course, cache).refresh() == expected
    assert Library(course, cache).entries() == expected


def test_a_changed_file_is_stale_until_it_is_read_again(course: Path, cache: Path) -> None:
    library = Library(course, cache)
    library.refresh()
    make_course(course, replaced(LESSON, "minutes: 5", "minutes: 50"))
    assert entry(library).stale
    library.refresh()
    assert (entry(library).minutes, entry(library).stale) == (50, False)
    (course / "quizzes" / "07-sheep.yaml").write_text(QUIZ + "# more\n", encoding="utf-8")
    assert entry(library).stale and entry(library).minutes == 50


def test_only_what_changed_is_read_again(course: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_course(course, *numbered(8, "goats"))
    Library(course, cache).refresh()
    read: list[str] = []
    real = loader.load_lesson
    monkeypatch.setattr(loader, "load_lesson", lambda path, name: read.append(name) or real(path, name))
    make_course(course, replaced(LESSON, "minutes: 5", "minutes: 50"), None)
    Library(course, cache).refresh()
    assert read == ["lessons/07-sheep.yaml"]


def test_refresh_tells_how_far_it_is_and_keeps_what_it_has_when_stopped(course: Path, cache: Path) -> None:
    make_course(course, *numbered(8, "goats"))
    library = Library(course, cache)
    seen: list[tuple[int, int]] = []
    library.refresh(lambda done, all_: seen.append((done, all_)), lambda: len(seen) == 1)
    assert seen == [(1, 4)]
    assert [e.minutes for e in Library(course, cache).entries()] == [5, 0]


def test_topics_of_the_curriculum_are_listed_before_they_are_written(course: Path, cache: Path) -> None:
    (course / "lessons" / "curriculum.yaml").write_text(CURRICULUM, encoding="utf-8")
    library = Library(course, cache)
    for entries in (library.entries(), library.refresh(), Library(course, cache).entries()):
        assert [(e.slug, e.part, e.written) for e in entries] == [("sheep", "A", True), ("goats", "B", False)]
    assert Library(course, cache).entries()[0].title.en == "How are sheep counted?"
    with pytest.raises(NotFound, match="not written yet"):
        library.lesson("goats")


def test_a_lesson_not_read_yet_has_its_title_from_the_curriculum(course: Path, cache: Path) -> None:
    (course / "lessons" / "curriculum.yaml").write_text(CURRICULUM, encoding="utf-8")
    assert entry(Library(course, cache)).title.zh == "羊怎么数？"


def test_the_shipped_curriculum_has_36_topics_in_six_parts(cache: Path) -> None:
    entries = Library(cache=cache).refresh()
    assert [e.number for e in entries] == list(range(1, 37))
    assert {e.part for e in entries} == set("ABCDEF")
    assert all(e.title.zh and e.title.en and not e.problem for e in entries)


def test_a_broken_file_is_listed_and_hides_nothing(course: Path, cache: Path) -> None:
    make_course(course, *numbered(8, "goats"))
    make_course(course, replaced(LESSON, "minutes: 5", "minutes: soon"))
    (course / "quizzes" / "08-goats.yaml").write_text("[", encoding="utf-8")
    sheep, goats = Library(course, cache).refresh()
    assert sheep.problem.en == "lessons/07-sheep.yaml:9: minutes: expected a whole number; found soon."
    assert "第" not in sheep.problem.zh and "应为：整数；实为：soon" in sheep.problem.zh
    assert goats.problem.en.startswith("quizzes/08-goats.yaml:1") and goats.minutes == 5
    assert not sheep.stale and not goats.stale


def test_lesson_and_quiz_are_opened_and_kept_until_they_change(course: Path, cache: Path) -> None:
    library = Library(course, cache)
    lesson = library.lesson("sheep")
    assert lesson.minutes == 5 and library.quiz("sheep").question("q-two") is not None
    assert library.lesson("sheep") is lesson
    make_course(course, replaced(LESSON, "minutes: 5", "minutes: 50"))
    assert library.lesson("sheep").minutes == 50


def test_what_is_not_there_is_told(course: Path, cache: Path, tmp_path: Path) -> None:
    make_course(course, *numbered(8, "goats"))
    (course / "quizzes" / "08-goats.yaml").unlink()
    library = Library(course, cache)
    assert library.has("sheep") and not library.has("sheeps")
    with pytest.raises(NotFound, match=r"no lesson called sheeps. Did you mean `sheep`\?"):
        library.lesson("sheeps")
    with pytest.raises(NotFound, match="goats has no quiz"):
        library.quiz("goats")
    with pytest.raises(NotFound, match="no lesson called"):
        library.lesson("../../etc/passwd\x1b[2J")
    with pytest.raises(NotFound, match="There is no folder"):
        Library(tmp_path / "nowhere", cache)


def test_a_file_that_is_not_what_its_name_says_is_refused(course: Path, cache: Path) -> None:
    make_course(course, LESSON, QUIZ, "08-goats.yaml")
    library = Library(course, cache)
    with pytest.raises(ContentError, match=r"08-goats.yaml:3: slug: expected 8 and goats, as in the file name"):
        library.lesson("goats")
    with pytest.raises(ContentError, match=r"quizzes/08-goats.yaml:2: lesson: expected goats; found sheep"):
        library.quiz("goats")
    assert [bool(e.problem) for e in library.refresh()] == [False, True]


def test_names_that_are_no_lessons_are_passed_over(course: Path, cache: Path) -> None:
    for name in (
        "notes.yaml",
        "7-x.yaml",
        "07-Sheep.yaml",
        "07-a b.yaml",
        "07-x.yml",
        ".07-x.yaml",
        "07-" + "x" * 65 + ".yaml",
    ):
        (course / "lessons" / name).write_text(LESSON, encoding="utf-8")
    assert [e.slug for e in Library(course, cache).entries()] == ["sheep"]


def test_links_may_not_lead_out_of_a_course(course: Path, cache: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(numbered(8, "goats")[0], encoding="utf-8")
    (course / "lessons" / "08-goats.yaml").symlink_to(secret)
    (course / "lessons" / "09-cows.yaml").symlink_to("09-real.txt")
    (course / "lessons" / "09-real.txt").write_text(numbered(9, "cows")[0], encoding="utf-8")
    (course / "lessons" / "10-gone.yaml").symlink_to("nowhere")
    library = Library(course, cache)
    entries = {e.slug: e for e in library.refresh()}
    assert "a link out of it" in entries["goats"].problem.en
    assert entries["cows"].minutes == 5 and not entries["cows"].problem
    assert "No such file" in entries["gone"].problem.en
    with pytest.raises(ContentError, match="a link out of it"):
        library.lesson("goats")


def test_the_folders_of_a_course_may_not_be_links_out_of_it(course: Path, cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "lessons").symlink_to(course / "lessons")
    with pytest.raises(NotFound, match="a link that leads out of the course"):
        Library(other, cache)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"null",
        lambda data: b"[" * 100_000,
        lambda data: data.replace(b'"A",5', b'"A","5"'),
        lambda data: data.replace(b'"quizzes":{', b'"quizzes":[{').replace(b"}}", b"}]}"),
        lambda data: json.dumps(json.loads(data) | {"version": "0.0/0"}).encode(),
        lambda data: json.dumps(json.loads(data) | {"lessons": {"07-sheep.yaml": [1, 2]}}).encode(),
        lambda data: json.dumps(json.loads(data) | {"curriculum": [1, 2, [["x"]]]}).encode(),
        lambda data: json.dumps(json.loads(data) | {"curriculum": [1, 2]}).encode(),
    ],
)
def test_a_damaged_index_counts_as_none(course: Path, cache: Path, damage: object) -> None:
    Library(course, cache).refresh()
    path = next(cache.glob("lessons-*.json"))
    sound = path.read_bytes()
    path.write_bytes(damage(sound))  # type: ignore[operator]
    assert path.read_bytes() != sound
    library = Library(course, cache)
    assert entry(library).stale
    assert not library.refresh()[0].stale
    assert path.read_bytes() == sound


def test_a_cache_that_cannot_be_written_is_done_without(course: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    library = Library(course, blocked / "cache")
    assert library.refresh()[0].minutes == 5
    assert library.entries()[0].minutes == 5


def test_two_programs_may_write_one_index(course: Path, cache: Path) -> None:
    for number in range(10, 30):
        make_course(course, *numbered(number, f"animal-{number}"))
    program = (
        "import sys; from pathlib import Path; from tutor.content.library import Library\n"
        "for _ in range(30):\n"
        "    for path in Path(sys.argv[2]).glob('lessons-*.json'): path.unlink(missing_ok=True)\n"
        "    assert all(e.minutes == 5 for e in Library(Path(sys.argv[1]), Path(sys.argv[2])).refresh())\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program, str(course), str(cache)], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for run in runs:
        assert run.wait() == 0, run.stderr and run.stderr.read()
    assert all(not e.stale for e in Library(course, cache).entries())
    assert [path.name for path in cache.iterdir() if path.name.startswith(".")] == []


def test_an_interrupted_write_leaves_the_old_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index.json"
    index_file.write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError):
        index_file.write_atomically(path, b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("index.json", b"old")]


def test_two_courses_do_not_share_an_index(course: Path, cache: Path, tmp_path: Path) -> None:
    other = make_course(tmp_path / "other", replaced(LESSON, "minutes: 5", "minutes: 9"))
    Library(course, cache).refresh()
    Library(other, cache).refresh()
    assert [Library(folder, cache).entries()[0].minutes for folder in (course, other)] == [5, 9]


def test_the_index_lies_in_the_person_s_own_cache(course: Path) -> None:
    Library(course).refresh()
    assert list(places.cache().glob("lessons-*.json"))


def test_listing_with_a_current_index_imports_no_yaml(course: Path, cache: Path) -> None:
    (course / "lessons" / "curriculum.yaml").write_text(CURRICULUM, encoding="utf-8")
    Library(course, cache).refresh()
    program = (
        "import sys; from pathlib import Path; from tutor.content.library import Library\n"
        "assert len(Library(Path(sys.argv[1]), Path(sys.argv[2])).entries()) == 2\n"
        "print(sorted({'yaml', 'msgspec', 'numpy', 'tutor.content.loader', 'tutor.demos.registry'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(course), str(cache)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
