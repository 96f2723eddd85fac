"""`--plain` in a real terminal: a lesson, its demo and its quiz done in spoken lines, and gone on with another time."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.program import COMMAND, qwtutor
from tests.terminal import Terminal
from tutor import places
from tutor.content.library import Library
from tutor.domain import language
from tutor.domain.grading import model_answer, variant
from tutor.domain.language import tr
from tutor.domain.lesson import CheckBlock, DemoBlock
from tutor.domain.quiz import Choice, Multi, Number, Order, Predict, Question, Spans
from tutor.runtime.client import WorkerModel
from tutor.runtime.expected import expected

PROMPT = re.compile(r"(\] |: |：|\. |。)\Z")


PATIENCE = 300.0
"""Seconds: a demo decodes 64 tokens on a machine that may be busy with other things."""


class Talk:
    """Both sides of a conversation with the program. `heard` is all it said."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.read = 0

    @property
    def heard(self) -> str:
        return self.terminal.sent.decode(errors="ignore")  # a character may still be on its way

    def listen(self) -> str:
        """What it says until it waits for an answer, or ends."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            new = self.heard[self.read :]
            if PROMPT.search(new) and not self.terminal.pump(0.03):
                break
            if self.terminal.status is not None:
                break
            self.terminal.pump(0.05)
        new = self.heard[self.read :].replace("\r\n", "\n")
        self.read = len(self.heard)
        return new

    def say(self, line: str) -> str:
        self.terminal.send(line + "<enter>")
        return self.listen()


@contextmanager
def talk(*words: str, size: tuple[int, int] = (80, 24), **environment: str) -> Iterator[Talk]:
    with Terminal([*COMMAND, *words], size=size, env=environment) as terminal:
        yield Talk(terminal)
    assert_plain(bytes(terminal.sent))


def assert_plain(sent: bytes) -> None:
    """No escape sequence, no other control character, no line beyond 80 columns."""
    text = sent.decode()
    assert not re.findall(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text)
    for line in text.replace("\r\n", "\n").split("\n"):
        assert cell_len(line) <= 80 or re.match(r"Your answer: |你的答案：", line), line  # there the person typed


def typed(question: Question, answer: object) -> str:
    """`answer` as a person would type it, whatever order the options are shown in."""
    match question:
        case Choice():
            return question.options[int(str(answer))].text.en
        case Predict() if question.options:
            return question.options[int(str(answer))].text.en
        case Multi():
            assert isinstance(answer, frozenset)
            return ";".join(question.options[index].text.en for index in sorted(answer))
        case Order():
            return json.dumps([item.en for item in question.items])
        case Spans():
            assert isinstance(answer, frozenset)
            return ",".join(str(cut) for cut in sorted(answer))
    return str(answer) if not isinstance(answer, list) else json.dumps(answer)


def folded(text: str) -> str:
    """Letters and digits alone: what line breaks and Markdown leave as it was."""
    return re.sub(r"[\W_]", "", re.sub(r"```\w*", "", text))


def asked(library: Library, slug: str, said: str) -> Question:
    """The question that the program has just asked, its numbers as they were drawn."""
    for question in library.quiz(slug).questions:
        shown = [variant(question, seed) for seed in range(100)] if isinstance(question, Number) else [question]
        for one in shown:
            if folded(str(one.prompt)) in folded(said):
                return one
    raise AssertionError(said)


def test_a_lesson_is_read_its_demo_stepped_and_its_quiz_finished(course: Path) -> None:
    library = Library(course, cache=places.cache())
    with talk("--lang", "en", "lesson", "pairs", "--plain", "--course", str(course)) as person:
        said = person.listen()
        assert "Pairs" in said and "First section" in said and "No markup." in said
        said = person.say("")
        assert "Demo:" in said and "How large is the vocabulary" in said
        said = person.say("3")
        assert "Right." in said and "Two characters and one merge." in said
        said = person.say("")
        assert "Step 1." in said
        said = person.say("a")
        assert "The demo is at its end." in said and "How many are a pair?" in said
        assert "More than one" in person.say("h")
        assert "Right." in person.say("two")
        assert "Second section" in person.say("")
        said = person.say("")
        assert "On Pairs" in said and "the quiz" in said
        said = person.say("z")
        right = {
            "q-choice": "two", "q-multi": "number two;number four", "q-number": "4", "q-text": "PAIR",
            "q-order": '["one","two","three"]', "q-predict": "3", "q-spans": "hello| world",
        }  # fmt: skip
        for _ in range(7):
            assert "Right." in person.say(right[asked(library, "pairs", said).id])
            said = person.say("")
        assert "Done: 7 of 7 right." in said
        assert person.terminal.wait() == 0
    assert qwtutor("progress", "show", "--json", "--course", str(course)).data["right"] == 7


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("slug", ["tokenizer", "decoding"])
def test_the_lessons_that_came_along_can_be_read_and_their_quizzes_finished(
    slug: str, lang: str, smollm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "_current", lang)
    library = Library(cache=places.cache())
    lesson, count = library.lesson(slug), len(library.quiz(slug).questions)
    words = ("--lang", lang, "lesson", slug, "--plain", "--model", str(smollm))
    with WorkerModel(smollm) as model, talk(*words) as person:
        said = person.listen()
        for _ in range(200):
            if f"z: {tr('the quiz')}" in said.replace("：", ": "):
                break
            answering = said.endswith(tr("Your answer: "))
            said = person.say("/s" if answering else "a" if tr("all steps") in said else "")
        heard = person.heard
        missing = [str(section.title) for section in lesson.sections if folded(str(section.title)) not in folded(heard)]
        assert not missing, heard[-1500:]
        assert heard.count(tr("The demo is at its end.")) == sum(isinstance(b, DemoBlock) for b in lesson.blocks)
        assert heard.count(tr("A question on what you have just read.")) == sum(
            isinstance(b, CheckBlock) for b in lesson.blocks
        )
        said = person.say("z")
        for _ in range(count):
            question = asked(library, slug, said)
            answer = model_answer(question, expected(question, lambda: model))
            assert tr("Right.") in person.say(typed(question, answer)), question.id
            said = person.say("")
        assert tr("Done: {right} of {total} right.", right=count, total=count) in said
        assert person.terminal.wait() == 0


def test_a_quiz_left_in_the_middle_goes_on_there(course: Path) -> None:
    words = ("--lang", "en", "quiz", "pairs", "--course", str(course))
    with talk(*words) as person:
        assert "Question 1 of 7." in person.listen()
        assert "Not right." in person.say("one")
        assert "Question 2 of 8." in person.say("")
        assert "is saved" in person.say("q")
        assert person.terminal.wait() == 0
    with talk(*words) as person:
        assert "You left at question 2." in person.listen()
        assert "Question 2 of 8." in person.say("")
        # The answer to the first question is taken back, and is gone from the log's effect too.
        assert "Question 1 of 7." in person.say("u")
        person.say("q")
    assert qwtutor("progress", "show", "--json").data["answered"] == 0


def test_wrong_answers_come_again_and_the_summary_leads_to_the_section(course: Path) -> None:
    with talk("--lang", "en", "quiz", "pairs", "--course", str(course)) as person:
        person.listen()
        person.say("one")
        said = person.say("")
        for _ in range(6):
            said = person.say("/s")
        assert "Once more." in said
        person.say("two")
        said = person.say("e")
        assert "Done: 0 of 7 right." in said and "Skipped: 6." in said and "First section" in said
        assert "A pair is two." in person.say("1")
        person.say("")
        assert person.terminal.wait() == 0


def test_coming_back_to_a_lesson_goes_on_where_it_was_left(course: Path) -> None:
    words = ("--lang", "en", "lesson", "pairs", "--plain", "--course", str(course))
    with talk(*words) as person:
        person.listen()
        person.say("")
        person.say("/q")
        assert person.terminal.wait() == 0
    with talk(*words) as person:
        said = person.listen()
        assert "Going on where you left off" in said and "Demo:" in said and "First section" not in said
    with talk("--lang", "en", "--plain", "--course", str(course)) as person:
        assert "1. Continue: Pairs" in person.listen()
        assert "Demo:" in person.say("1")


def test_the_menu_leads_everywhere_and_back(course: Path) -> None:
    with talk("--lang", "en", "--plain", "--course", str(course)) as person:
        said = person.listen()
        assert "1. Lessons" in said
        assert "1. Pairs" in person.say("1")
        assert "1. Lessons" in person.say("")
        assert "Nothing is due" in person.say("2")
        person.say("3")
        assert "First section" in person.say("pair two")
        person.say("")
        assert "课程" in person.say("4")
        assert "1 到 6" in person.say("99")
        person.say("q")
        assert person.terminal.wait() == 0
    with talk("--plain", "--course", str(course)) as person:
        assert "课程" in person.listen()


def test_review_asks_what_is_due(course: Path) -> None:
    with talk("--lang", "en", "quiz", "pairs", "--course", str(course)) as person:
        person.listen()
        person.say("one")
        person.say("q")
    # A wrong answer is due again within minutes: the log is moved into the past, as if time had gone by.
    exported = qwtutor("progress", "export").stdout
    aged = re.sub(r'"reviewed_at": "\d{4}', '"reviewed_at": "2020', exported)
    qwtutor("progress", "reset", "--yes")
    assert qwtutor("progress", "import", "-", stdin=aged).status == 0
    due = qwtutor("review", "--json", "--course", str(course)).data["due"]
    assert [(each["lesson"], each["question"]) for each in due] == [("pairs", "q-choice")]
    with talk("--lang", "en", "review", "--course", str(course)) as person:
        assert "How many are a pair?" in person.listen()
        assert "Right." in person.say("two")
        assert "Done: 1 of 1 right." in person.say("")
        assert person.terminal.wait() == 0
    assert qwtutor("review", "--json", "--course", str(course)).data["due"] == []


@pytest.mark.parametrize("words", [("--plain",), ("quiz", "pairs"), ("lesson", "pairs", "--plain")])
def test_the_end_of_input_and_ctrl_c_leave_without_a_trace(course: Path, words: tuple[str, ...]) -> None:
    run = (
        qwtutor(*words, "--course", str(course)) if words[0] != "--plain" else qwtutor("--course", str(course), *words)
    )
    assert run.status in (0, 130) and run.stderr == ""
    for ending in ("<c-d>", "<c-c>"):
        with talk("--course", str(course), *words) as person:
            person.listen()
            person.terminal.send(ending)
            assert person.terminal.wait() in (0, 130)
            assert "Traceback" not in person.heard


def test_an_answer_is_on_the_disk_before_it_is_judged(course: Path) -> None:
    with talk("--lang", "en", "quiz", "pairs", "--course", str(course)) as person:
        person.listen()
        assert "Not right." in person.say("one")
        person.terminal.reap()
        os.kill(person.terminal.pid, signal.SIGKILL)
        assert person.terminal.wait() == -signal.SIGKILL
    assert len(qwtutor("progress", "export").data["reviews"]) == 1


def test_without_a_model_the_lesson_goes_on(course: Path, tmp_path: Path) -> None:
    with talk("--lang", "en", "lesson", "decoding", "--plain", QWTUTOR_MODELS=str(tmp_path)) as person:
        said = person.listen()
        for _ in range(60):
            if "Fetch qwen2.5-coder-0.5b now" in said:
                break
            said = person.say("/s" if said.endswith("Your answer: ") else "")
        assert "Fetch qwen2.5-coder-0.5b now, 491.4 MB?" in said
        said = person.say("")
        assert "left out for now" in said


def test_the_tutor_is_asked_and_asked_on_in_lines(tmp_path: Path) -> None:
    with talk("--lang", "en", "--plain", QWTUTOR_MODELS=str(tmp_path)) as person:
        assert "6. Ask the tutor" in person.listen()
        assert person.say("6").endswith("Enter to go back: ")
        assert "Fetch qwen2.5-coder-0.5b now" in person.say("what is a token?")
        said = person.say("")
        assert "token: One occurrence" in said and "[tokenizer#why-subwords] Too many words" in said
        assert "词元（token）：" in person.say("and in Chinese?").replace("\r\n", "")
        assert "1. Lessons" in person.say("")


def test_a_log_of_piped_answers_holds_both_sides(course: Path) -> None:
    run = qwtutor("quiz", "pairs", "--course", str(course), stdin="two\n\nq\n")
    assert "Your answer: two\nRight." in run.stdout
    assert_plain(run.stdout.encode())
