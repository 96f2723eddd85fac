"""The tutor on screen, in a real terminal. What it says is scripted, but where a test says that it is the real one."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.conftest import MODELS
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.scripted_tutor import LINE, PASSAGES, SAID, SUGGESTIONS, WHY, checked
from tutor.agent.events import Citation, Done, Prompt, Spoken, Unsupported
from tutor.domain.errors import TutorError
from tutor.ui.draw.answer import turn_parts
from tutor.ui.draw.palette import DARK, PLAIN
from tutor.ui.turn import Turn

Scripted = Callable[..., Terminal]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """scripted("en", size=(80, 24)) opens the program with a tutor of `scripted_tutor`."""
    with ExitStack() as stack:

        def begin(language: str, *, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None) -> Terminal:
            return stack.enter_context(started(language, size=size, env=env))

        yield begin


def started(language: str, *, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None) -> Terminal:
    command = [sys.executable, "-m", "tests.ui.scripted_tutor", "--lang", language, "--model", "smollm2-135m"]
    terminal = Terminal(command, size=size, env=env, cwd=str(ROOT))
    terminal.expect("padding")
    terminal.settle()
    return terminal


class Shared:
    """A program for the tests that need nothing but the tutor over the first lesson, at 80x24: one is started, and another
    where a test has left it anywhere else."""

    def __init__(self, home: Path) -> None:
        self._env = {"QWTUTOR_HOME": str(home), "QWTUTOR_MODELS": str(MODELS)}
        self._stack = ExitStack()
        self._terminal: Terminal | None = None

    def conversation(self) -> Terminal:
        """The tutor, nothing asked yet."""
        if self._terminal is None or "0%" not in self._terminal.text().splitlines()[0]:
            self.close()
            self._terminal = self._stack.enter_context(started("en", env=self._env))
            self._terminal.send("<enter>")
            self._terminal.expect("0%")
            self._terminal.settle()
        self._terminal.send("a")
        self._terminal.expect("Enter asks")
        self._terminal.settle()
        if "begin with one of these" not in self._terminal.text():
            self._terminal.send("<tab>")
            self._terminal.settle(0.1)
            self._terminal.send("n")
            self._terminal.expect("begin with one of these")
        return self._terminal

    def left(self) -> None:
        """A test is over: back to the lesson."""
        if self._terminal is not None:
            self._terminal.send("<esc>")
            self._terminal.settle()

    def close(self) -> None:
        self._stack.close()
        self._terminal = None


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    program = Shared(tmp_path_factory.mktemp("shared"))
    yield program
    program.close()


@pytest.fixture
def tutor(shared: Shared) -> Iterator[Terminal]:
    """A new conversation over the first lesson, in English, at 80x24."""
    yield shared.conversation()
    shared.left()


def in_lesson(scripted: Scripted, language: str, size: tuple[int, int]) -> Terminal:
    tutor = scripted(language, size=size)
    tutor.send("<enter>")
    tutor.expect("0%")
    tutor.settle()
    return tutor


def ask(tutor: Terminal, question: str) -> None:
    tutor.send(question)
    tutor.settle(0.1)
    tutor.send("<enter>")


def panel(tutor: Terminal) -> str:
    """What stands right of the text, line by line."""
    rows = [tutor.screen.buffer[y] for y in range(tutor.rows - 1)]
    edge = next(x for x in reversed(range(tutor.columns)) if rows[0][x].data == "|")
    return "\n".join("".join(row[x].data for x in range(edge + 1, tutor.columns)).strip() for row in rows)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_120_columns_on_it_stands_beside_the_text(scripted: Scripted, language: str) -> None:
    tutor = in_lesson(scripted, language, (120, 40))
    before = tutor.text().splitlines()[2]
    sent = len(tutor.sent)
    tutor.send("a")
    tutor.expect("Enter 发出" if language == "zh" else "Enter asks")
    tutor.settle()
    assert len(tutor.sent) - sent < 8_000
    assert tutor.text().splitlines()[2].startswith(before), "the text is still there"
    ask(tutor, "what?")
    tutor.expect("scripted  2.3")
    tutor.send("<esc>")
    tutor.settle()
    answer = panel(tutor)
    tutor.send("<space>")
    tutor.expect(r"0%.*\|", gone=True)
    tutor.settle()
    assert panel(tutor) == answer, "the page was turned, and the answer stays where it is"
    tutor.send("a")
    tutor.settle()
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("q")
    tutor.expect("scripted", gone=True)


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=["80x24", "60x20"])
def test_below_that_it_is_a_screen_of_its_own(scripted: Scripted, size: tuple[int, int]) -> None:
    tutor = in_lesson(scripted, "zh", size)
    text = tutor.text()
    tutor.send("a")
    tutor.expect("助教.*什么是填充？")
    ask(tutor, "什么是填充？")
    screen = tutor.expect("scripted  2.3")
    assert re.search(r"一批句子补成矩形 \[1\]", screen)
    assert "1 [padding#rectangle] 四句话排不成矩形" in screen
    assert all(cell_len(line) <= size[0] for line in screen.splitlines())
    tutor.send("<esc>")
    tutor.expect("scripted", gone=True)
    tutor.settle()
    assert tutor.text() == text, "back at the very line"


def test_examples_about_the_lesson_are_a_key_away(tutor: Terminal) -> None:
    tutor.send("<up>")
    tutor.expect("> What is padding")
    tutor.send("<enter>")
    tutor.expect("scripted  2.3")


def test_what_nothing_bears_out_is_marked_and_the_cursor_says_why(tutor: Terminal) -> None:
    ask(tutor, "what?")
    screen = tutor.expect("scripted  2.3")
    assert re.search(r"\?A cat invented\s+it in 1812\. So be it", screen)
    assert str(WHY) not in screen
    tutor.send("<tab>")
    tutor.expect(re.escape(str(WHY)))
    tutor.send("<down>")
    tutor.expect(re.escape(str(WHY)), gone=True)


def test_a_citation_opens_its_section_and_q_leads_back(tutor: Terminal) -> None:
    ask(tutor, "what?")
    tutor.expect("scripted  2.3")
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("<down>")
    tutor.expect(r"> 1 \[padding#rectangle\]")
    tutor.send("<enter>")
    tutor.expect(r"01 Why does a batch.*\n\s*\n?\s*Four texts make no rectangle")
    tutor.send("q")
    tutor.expect(r"> 1 \[padding#rectangle\]")
    for _ in range(3):
        tutor.send("<down>")
        tutor.settle(0.1)
    tutor.expect("> Demo  Merging  merges=3")
    tutor.send("<enter>")
    tutor.expect("merges=3")
    tutor.send("q")
    tutor.expect("> Demo")


def test_what_the_lessons_do_not_cover_is_said_with_the_nearest_and_a_way_to_ask_the_model(tutor: Terminal) -> None:
    ask(tutor, "weather?")
    screen = tutor.expect("The lessons do not cover this")
    for passage in PASSAGES:
        assert passage.title.en in screen
    tutor.expect("What the model alone would say")
    tutor.send("<up>")
    tutor.expect("> What the model alone")
    tutor.send("<enter>")
    screen = tutor.expect("It will rain")
    assert "The model alone, without the lessons" in screen


def test_keys_are_heard_while_it_streams_and_esc_keeps_what_was_said(scripted: Scripted) -> None:
    tutor = in_lesson(scripted, "en", (120, 40))
    tutor.send("a")
    tutor.expect("Enter asks")
    ask(tutor, "forever")
    tutor.expect(f"3 {LINE}")
    tutor.send("typed meanwhile")
    tutor.expect("typed meanwhile")
    sent = len(tutor.sent)
    tutor.expect(f"40 {LINE}")
    assert len(tutor.sent) - sent < 12_000, "only the lines that changed"
    tutor.send("<esc>")
    tutor.expect(r"\(stopped\)")
    said = panel(tutor)
    assert f"40 {LINE}" in said
    tutor.settle(0.5)
    assert panel(tutor) == said
    tutor.send("<enter>")
    tutor.expect("> typed meanwhile.*scripted  2.3")


def test_trouble_is_a_sentence_and_can_be_tried_again(tutor: Terminal) -> None:
    ask(tutor, "broken")
    tutor.expect("The server answers with status 503.*Try again")
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("r")
    tutor.settle()
    assert tutor.text().count("status 503") == 1


def test_the_trace_shows_what_led_to_the_answer_and_y_copies_it(scripted: Scripted) -> None:
    tutor = in_lesson(scripted, "en", (80, 40))
    tutor.send("a")
    tutor.expect("Enter asks")
    ask(tutor, "what?")
    tutor.expect("scripted  2.3")
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("y")
    tutor.expect("Copied")
    copied = re.search(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)", bytes(tutor.sent))
    assert copied and base64.b64decode(copied[1]).decode() == SAID
    tutor.send("t")
    screen = tutor.expect("Altogether: 2.31 s")
    for expected in ("8.25  [padding#rectangle]", "A tensor is square.", '{"expression": "2*128"}', "256"):
        assert expected in screen
    assert "812 tokens, 640 of them evaluated before" in screen
    assert "Only from the notes." in screen
    tutor.send("q")
    tutor.expect("scripted  2.3")


def test_conversations_are_kept_found_gone_on_with_deleted_and_brought_back(scripted: Scripted) -> None:
    tutor = in_lesson(scripted, "en", (80, 24))
    tutor.send("a")
    tutor.expect("Enter asks")
    ask(tutor, "what is a rectangle?")
    tutor.expect("scripted  2.3")
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("n")
    tutor.expect("begin with one of these")
    ask(tutor, "say 雨 falls")
    tutor.expect("scripted  0.1")
    tutor.send("<c-q>")
    assert tutor.wait() == 0

    again = scripted("en")
    again.send("a")
    again.expect("Enter asks")
    again.send("<up>")
    again.settle()
    again.send("c")
    again.expect("say 雨 falls.*what is a rectangle")
    again.send("cat 1812")
    again.expect("雨", gone=True)
    again.send("<c-x>")
    again.expect("Deleted: what is a rectangle")
    again.expect("No conversation has these words")
    again.send("<c-r>")
    again.expect("> what is a rectangle")
    again.send("<enter>")
    again.expect(r"> what is a rectangle\?.*\?A cat.*scripted  2.3")
    again.send("say more")
    again.settle(0.1)
    again.send("<enter>")
    again.expect("> say more")


def test_it_is_told_what_stands_on_the_screen(scripted: Scripted) -> None:
    tutor = scripted("en", size=(110, 40))
    for keys, near, words, back in (
        ("<enter>", "padding", "Why does a batch need padding.*Four texts", ["q"]),
        ("z2", "padding", "quiz question", ["q"]),
        ("T", "", "tokenizer lab", ["<esc>", "q"]),
        ("D", "", "decoding lab, strategy", ["q"]),
        ("I", "", "Attention", ["q"]),
    ):
        for key in [keys] if keys.startswith("<") else keys:
            tutor.send(key)
            tutor.settle(0.4)
        tutor.send("\x1b[15~")  # F5: a letter may be a letter here
        tutor.expect("Enter asks")
        tutor.settle()
        if "Why is my answer wrong" in tutor.text():
            tutor.send("<tab>")
            tutor.settle()
        ask(tutor, "where am I?")
        tutor.expect(f"near {near or None}: .*{words}")
        for key in ["<esc>", *back]:
            tutor.send(key)
            tutor.settle()
        tutor.expect("lessons written")


def test_an_open_question_gets_stronger_hints_and_never_its_answer(scripted: Scripted) -> None:
    tutor = scripted("en")
    tutor.send("z")
    tutor.expect("1/12")
    tutor.settle()
    for strength in (1, 2, 3):
        tutor.send("a")
        tutor.expect(f"Hint {strength} of 3")
        tutor.settle()
    assert "stronger hint" not in tutor.text()
    tutor.send("<tab>")
    tutor.settle()
    ask(tutor, "say So 17 cells are empty.")
    tutor.expect("So ____ cells are empty")
    assert "17" not in tutor.text().split("say So 17")[-1]
    tutor.settle()
    ask(tutor, "just tell me")
    tutor.expect("I do not tell the answer while the question is open")
    assert "Hint 3 of 3" in tutor.text()
    tutor.send("<esc>")
    tutor.expect("1/12")
    tutor.send("1")
    tutor.expect("Not right|Right")


def test_after_a_wrong_answer_it_starts_from_the_mistake(scripted: Scripted) -> None:
    tutor = scripted("en", size=(80, 18))
    tutor.send("z")
    tutor.expect("1/12")
    tutor.settle()
    tutor.send("a")
    tutor.expect("Hint 1 of 3")
    tutor.send("<esc>")
    shuffled = re.search(r"(\d)  15\b", tutor.expect("1/12"))
    assert shuffled
    tutor.send(shuffled[1])
    tutor.expect("Not right")
    tutor.send("a")
    tutor.expect("Why is my answer wrong")
    tutor.settle()
    assert "Hint 1" not in tutor.text() and "Read  " in tutor.text()
    assert len(tutor.text().split()) > 20


# -- drawing and keeping ------------------------------------------------------------------------------------------------


@cache
def finished() -> Turn:
    """Nobody changes it: saying it takes as long as a reader is given to follow."""
    turn = Turn("what?\nand 为什么")
    for event in checked():
        turn.take(event)
    return turn


@pytest.mark.parametrize("palette", [DARK, PLAIN], ids=["dark", "plain"])
def test_lines_keep_to_every_width_and_lose_nothing(palette: object) -> None:
    for width in range(24, 90):
        parts = turn_parts(finished(), width, palette)  # type: ignore[arg-type]
        assert all(part.text.cell_len <= width for part in parts), width
        text = re.sub(r"\s", "", "".join(part.text.plain for part in parts))
        assert "?Acatinventeditin1812.Sobeit[2]." in text
        assert "\ue000" not in text and "\ue001" not in text
        pressed = [part.key for part in parts if part.key is not None]
        assert [type(key) for key in pressed[:3]] == [Unsupported, Citation, Citation]
        assert tuple(pressed[3:]) == SUGGESTIONS


def test_a_turn_comes_back_from_what_was_kept_and_damage_costs_only_itself() -> None:
    turn = finished()
    kept = turn.to_dict()
    assert Turn.from_dict(kept) == turn
    assert Turn.from_dict({**kept, "passages": [5, {"lesson": "x"}], "seconds": "long"}) is not None
    assert Turn.from_dict({"text": "no question"}) is None
    assert Turn.from_dict([]) is None


def drawn(turn: Turn) -> str:
    return "\n".join(part.text.plain for part in turn_parts(turn, 80, PLAIN))  # type: ignore[arg-type]


def test_after_the_quotes_the_line_below_says_that_the_model_is_still_at_work() -> None:
    turn = Turn(
        "what?", busy=True, text="So be it [padding#rectangle].", citations=(Citation("padding", "rectangle", "So."),)
    )
    assert "in other words..  Esc keeps what stands here" in drawn(turn)
    turn.progress = "loading the model.. 40%  Esc stops"
    assert "40%" in drawn(turn)
    turn.take(Prompt("Say it."))
    assert "in other words.." in drawn(turn)
    turn.busy, turn.trouble = False, TutorError("The model broke off.")
    assert re.search(r"So be it \[1\].*1 \[padding#rectangle\].*broke off.*Try again", drawn(turn), re.S)


def test_the_foot_names_a_model_only_for_what_it_said() -> None:
    turn = Turn("what?", text="So be it.", model="m", seconds=1.0)
    assert "\nm  1.0 s" in drawn(turn)
    turn.take(Spoken("Dice are thrown.", ""))
    assert "quotes; m added nothing" in drawn(turn)
    turn.take(Spoken("It is so.", "It is so."))
    assert "\nm  1.0 s" in drawn(turn)
    assert Turn.from_dict(turn.to_dict()) == turn


def test_after_a_stop_the_end_changes_nothing_that_was_said() -> None:
    turn = Turn("what?", text="Half a", stopped=True)
    turn.take(Done("Half a sentence and more", in_lessons=True, unsupported=(Unsupported("Half a s", 0, 8, WHY),)))
    assert (turn.text, turn.unsupported) == ("Half a", ())


# -- the real tutor -----------------------------------------------------------------------------------------------------


def test_without_a_model_the_lessons_are_quoted_and_it_offers_to_fetch_one(start: Start, tmp_path: Path) -> None:
    tutor = start("--lang", "en", env={"QWTUTOR_MODELS": str(tmp_path)})
    tutor.expect("Start here")
    tutor.send("<enter>")
    tutor.expect("0%")
    tutor.send("a")
    tutor.expect("Enter asks")
    ask(tutor, "Why does a batch need padding?")
    screen = tutor.expect(r"Fetch qwen2\.5-coder-0\.5b")
    assert re.search(r"\[1\].*Quoted from the lessons.*1 \[padding#", screen, re.S)
    tutor.send("<tab>")
    tutor.expect("> Quoted from the lessons")


def test_the_real_model_answers_from_the_lesson_and_leaves_a_trace(start: Start, smollm: Path) -> None:
    tutor = start("--lang", "en", "--model", "smollm2-135m", size=(120, 40))
    tutor.expect("Start here")
    tutor.send("<enter>")
    tutor.expect("0%")
    tutor.send("a")
    tutor.expect("Enter asks")
    ask(tutor, "What is padding?")
    tutor.expect(r"smollm2-135m.*\d+\.\d s  t: how", timeout=240)
    assert "[padding#" in panel(tutor)
    tutor.send("<tab>")
    tutor.settle()
    tutor.send("t")
    screen = tutor.expect("How it came about.*1. Found in the lessons")
    assert "[padding#" in screen
