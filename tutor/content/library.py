"""The lessons and quizzes there are: listed without opening them, opened one at a time.

yaml is imported only where a file is really read: a start-up with a current index does without.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from tutor import places
from tutor.content.folders import ContentFile, Stamp, inside, scan, stamp
from tutor.content.index import Index, current, load, save
from tutor.content.problem import ContentError, Problem, shown
from tutor.domain.entry import Entry
from tutor.domain.errors import NotFound
from tutor.domain.language import Text, both, same

if TYPE_CHECKING:
    from tutor.content.loader import Loaded
    from tutor.domain.lesson import Lesson
    from tutor.domain.quiz import Quiz

# The 36 questions of 千问LLM: the Chinese titles are the series' own, verbatim, and the slugs are permanent.
CURRICULUM = "curriculum.yaml"
KEPT = 64  # lessons, and quizzes, held in memory; of about 100 kB each

_UNREAD: Stamp = (-1, -1)
_NO_PROBLEM = Text()

T = TypeVar("T")


class Library:
    """The shipped lessons, or those of the folder `course`, which may come from anyone.

    Safe to use from several threads; `refresh` is the slow call, made for one of its own.
    """

    def __init__(self, course: Path | None = None, cache: Path | None = None) -> None:
        """`cache` holds the index (default: the person's own). Raises NotFound where `course` is no course."""
        self.lessons_folder = course / "lessons" if course else places.shipped("lessons")
        self.quizzes_folder = course / "quizzes" if course else places.shipped("quizzes")
        if course:
            _require_course(course, self.lessons_folder, self.quizzes_folder)
        self._course = course
        self._cache = cache or places.cache()
        self._index_path = self.cache_file("lessons")
        self._index = load(self._index_path)
        self._curriculum = self._index.curriculum
        self._lessons: _Kept[Lesson] = _Kept()
        self._quizzes: _Kept[Quiz] = _Kept()

    @property
    def is_course(self) -> bool:
        """Whether these are someone else's lessons rather than those that ship."""
        return self._course is not None

    def cache_file(self, kind: str) -> Path:
        """Where an index of these lessons is kept; another course has another."""
        return self._cache / f"{kind}-{_fingerprint(self.lessons_folder)}.json"

    def entries(self) -> tuple[Entry, ...]:
        """All topics, ordered by number; opens no lesson. Those not in the index have `stale` set."""
        index = self._index
        topics = self.topics()
        quizzes = self.quiz_files()
        found = {
            slug: _entry(file, quizzes.get(slug), topics.get(slug), index) for slug, file in self.lesson_files().items()
        }
        return tuple(sorted((topics | found).values(), key=lambda entry: (entry.number, entry.slug)))

    def refresh(
        self, on_progress: Callable[[int, int], None] | None = None, stopped: Callable[[], bool] | None = None
    ) -> tuple[Entry, ...]:
        """Reads what the index lacks, writes the index, and returns the entries as they are now.

        `on_progress(files read, files to read)` is called after each; once `stopped()` says so, no more are read.
        """
        lessons, quizzes = self.lesson_files(), self.quiz_files()
        index = Index(
            {file.name: row for file in lessons.values() if (row := _row(self._index.lessons, file))},
            {file.name: row for file in quizzes.values() if (row := _row(self._index.quizzes, file))},
            self._curriculum_row(),
        )
        work: list[tuple[ContentFile, Callable[[ContentFile], list[Any]], dict[str, list[Any]]]] = [
            *((file, self._lesson_row, index.lessons) for file in lessons.values() if file.name not in index.lessons),
            *((file, self._quiz_row, index.quizzes) for file in quizzes.values() if file.name not in index.quizzes),
        ]
        for done, (file, make_row, rows) in enumerate(work, start=1):
            if stopped is not None and stopped():
                break
            rows[file.name] = make_row(file)
            if on_progress is not None:
                on_progress(done, len(work))
        if index != self._index:
            self._index = index
            save(index, self._index_path)
        return self.entries()

    def has(self, slug: str) -> bool:
        """Whether there is a lesson file for `slug`, sound or not."""
        return slug in self.lesson_files()

    def lesson(self, slug: str) -> Lesson:
        """Raises NotFound, ContentError."""
        file = self._find(slug, self.lesson_files())
        return self._lessons.get(file, lambda: self.read_lesson(file).value)

    def quiz(self, slug: str) -> Quiz:
        """Raises NotFound, ContentError."""
        file = self._find(slug, self.quiz_files())
        return self._quizzes.get(file, lambda: self.read_quiz(file).value)

    def open_lesson(self, slug: str) -> Loaded[Lesson]:
        """The lesson with the document it stands in. Raises NotFound, ContentError."""
        return self.read_lesson(self._find(slug, self.lesson_files()))

    def open_quiz(self, slug: str) -> Loaded[Quiz]:
        """The quiz with the document it stands in. Raises NotFound, ContentError."""
        return self.read_quiz(self._find(slug, self.quiz_files()))

    def read_lesson(self, file: ContentFile) -> Loaded[Lesson]:
        """The lesson in `file`, one of `lesson_files`. Raises ContentError."""
        from tutor.content.loader import load_lesson

        _refuse_outside(file)
        loaded = load_lesson(file.path, file.shown)
        number, slug = loaded.value.number, loaded.value.slug
        if (number, slug) != (file.number, file.slug):
            expected = both("{number} and {slug}, as in the file name", number=file.number, slug=file.slug)
            found = both("{number} and {slug}", number=number, slug=slug)
            raise ContentError([loaded.document.problem(("slug",), expected, found)])
        return loaded

    def read_quiz(self, file: ContentFile) -> Loaded[Quiz]:
        """The quiz in `file`, one of `quiz_files`. Raises ContentError."""
        from tutor.content.loader import load_quiz

        _refuse_outside(file)
        loaded = load_quiz(file.path, file.shown)
        if loaded.value.lesson != file.slug:
            raise ContentError([loaded.document.problem(("lesson",), same(file.slug), same(loaded.value.lesson))])
        return loaded

    def lesson_files(self) -> dict[str, ContentFile]:
        """The lesson files by slug. Two files with one slug: the first by name counts."""
        return scan(self.lessons_folder, self._course)

    def quiz_files(self) -> dict[str, ContentFile]:
        """The quiz files by slug."""
        return scan(self.quizzes_folder, self._course)

    def _find(self, slug: str, files: dict[str, ContentFile]) -> ContentFile:
        """Raises NotFound."""
        if slug not in files:
            raise self._not_found(slug)
        return files[slug]

    def _not_found(self, slug: str) -> NotFound:
        entries = {entry.slug: entry for entry in self.entries()}
        if slug in entries and entries[slug].written:
            return NotFound("The lesson {slug} has no quiz.", slug=slug)
        if slug in entries:
            return NotFound("The lesson {slug} is not written yet.", hint="`qwtutor lessons` lists them.", slug=slug)
        close = difflib.get_close_matches(slug, entries, n=1)
        hint = "Did you mean `{close}`?" if close else "`qwtutor lessons` lists them."
        return NotFound("There is no lesson called {slug}.", hint=hint, slug=shown(slug), close="".join(close))

    def _lesson_row(self, file: ContentFile) -> list[Any]:
        try:
            lesson = self.read_lesson(file).value
        except ContentError as failure:
            text = failure.problems[0].text
            return [*file.stamp, "", 0, "", "", text.zh, text.en]
        return [*file.stamp, lesson.part, lesson.minutes, lesson.title.zh, lesson.title.en, "", ""]

    def _quiz_row(self, file: ContentFile) -> list[Any]:
        try:
            quiz = self.read_quiz(file).value
        except ContentError as failure:
            text = failure.problems[0].text
            return [*file.stamp, 0, text.zh, text.en]
        return [*file.stamp, len(quiz.questions), "", ""]

    def topics(self) -> dict[str, Entry]:
        """The topics of the curriculum by slug, as not written."""
        row = self._curriculum_row()
        return {
            slug: Entry(number, slug, part, Text(zh, en), written=False)
            for number, slug, part, zh, en in (row[2] if row else [])
        }

    def _curriculum_row(self) -> list[Any]:
        """The curriculum as the index keeps it; read where that is not current. A broken one counts as empty."""
        path = self.lessons_folder / CURRICULUM
        if not inside(path, self._course) or not path.is_file():
            return []
        now = stamp(path)
        if current(self._curriculum, now):
            return self._curriculum
        self._curriculum = [*now, self._read_curriculum(path)]
        return self._curriculum

    def _read_curriculum(self, path: Path) -> list[list[Any]]:
        if not self.is_course:
            # Ours is written as JSON, which is YAML too: the very first screen need not wait 30 ms for a YAML reader.
            with suppress(OSError, ValueError, KeyError, TypeError):
                return [
                    [topic["number"], topic["slug"], topic["part"], topic["title"]["zh"], topic["title"]["en"]]
                    for topic in json.loads(path.read_bytes())["topics"]
                ]
        from tutor.content.loader import load_curriculum

        try:
            topics = load_curriculum(path, f"lessons/{CURRICULUM}").topics
        except ContentError:  # `qwtutor check` tells of it
            return []
        return [[topic.number, topic.slug, topic.part, topic.title.zh, topic.title.en] for topic in topics]


class _Kept(Generic[T]):
    """The files opened last, as long as they do not change."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Stamp, T]] = {}

    def get(self, file: ContentFile, make: Callable[[], T]) -> T:
        kept = self._values.get(file.slug)
        if kept is not None and kept[0] == file.stamp:
            return kept[1]
        value = make()
        if len(self._values) >= KEPT:
            self._values.clear()
        self._values[file.slug] = (file.stamp, value)
        return value


def _entry(file: ContentFile, quiz_file: ContentFile | None, topic: Entry | None, index: Index) -> Entry:
    """What the index knows of the file, from an earlier reading if it has changed since; else what its name says."""
    row = index.lessons.get(file.name) or [*_UNREAD, "", 0, "", "", "", ""]
    quiz_row = (index.quizzes.get(quiz_file.name) if quiz_file else None) or [*_UNREAD, 0, "", ""]
    stale = not current(row, file.stamp) or (quiz_file is not None and not current(quiz_row, quiz_file.stamp))
    _, _, part, minutes, zh, en, *problem = row
    if not part and topic:
        part = topic.part
    if zh or en:
        title = Text(zh, en)
    elif topic:
        title = topic.title
    else:
        title = same(file.slug.replace("-", " "))
    told = _NO_PROBLEM if stale else _first_text(problem, quiz_row[3:])
    return Entry(file.number, file.slug, part, title, minutes, quiz_row[2], stale=stale, problem=told)


def _first_text(*texts: list[str]) -> Text:
    return next((Text(*text) for text in texts if any(text)), _NO_PROBLEM)


def _row(rows: dict[str, list[Any]], file: ContentFile) -> list[Any] | None:
    row = rows.get(file.name)
    return row if current(row, file.stamp) else None


def _refuse_outside(file: ContentFile) -> None:
    if file.outside:
        raise ContentError([Problem(file.shown, 0, "", both("a file inside the course"), both("a link out of it"))])


def _require_course(course: Path, *folders: Path) -> None:
    if not folders[0].is_dir():
        raise NotFound(
            "There is no folder {folder}.",
            hint="A course is a folder with `lessons` and `quizzes` in it.",
            folder=shown(folders[0]),
        )
    for folder in folders:
        if not inside(folder, course):
            raise NotFound("The folder {folder} is a link that leads out of the course.", folder=shown(folder))


def _fingerprint(folder: Path) -> str:
    return hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
