"""The tokenizer lab in a real terminal: figures that are right, text that is never lost, keys that stay small."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest
import quicktok

from bench.tokens import paste, text
from tests.terminal import Terminal
from tests.ui.conftest import Start
from tests.ui.hostile import assert_harmless
from tutor.runtime.tokenizers import BUNDLED, NAMES, SENTENCEPIECE, cut

KEY, MOVE = 8_000, 1_000  # bytes at most
SMOLLM = ("--lang", "en", "--model", "smollm2-135m")


def open_lab(
    start: Start, *words: str, size: tuple[int, int] = (80, 24), env: dict[str, str] | None = None
) -> Terminal:
    tutor = start(*(words or SMOLLM), size=size, env=env)
    tutor.expect("qwtutor")
    tutor.settle()
    tutor.send("T")
    tutor.expect("Tokenizer lab|分词实验室")
    tutor.settle()
    return tutor


def to_the_tokens(tutor: Terminal) -> None:
    tutor.send("<esc>")
    tutor.expect("z Zoom")
    tutor.settle()


def figures(tutor: Terminal, name: str) -> int:
    """The number of tokens in a tokenizer's row."""
    found = re.search(rf"^[> ] \d {re.escape(name)} +([\d,]+) ", tutor.text(), re.M)
    assert found, tutor.text()
    return int(found[1].replace(",", ""))


def answered(tutor: Terminal, keys: str) -> int:
    """The bytes that keys cost."""
    before = len(tutor.sent)
    tutor.send(keys)
    tutor.settle(0.4)
    return len(tutor.sent) - before


def test_every_tokenizer_counts_what_is_typed_and_letters_are_letters(start: Start) -> None:
    tutor = open_lab(start)
    written = "quit? 千问 zxs"
    tutor.send(written)
    tutor.expect(f"{len(written)} characters")
    tutor.expect(r"1 model +\d")
    tutor.settle()
    for name in (*BUNDLED, *SENTENCEPIECE):
        assert figures(tutor, name) == len(cut(name, written))
    assert written in tutor.text()
    to_the_tokens(tutor)
    tutor.send("<left>")
    tutor.expect(r"token \d/\d")
    tutor.send("q")
    tutor.expect("Contents|Start here|Continue")


def test_the_models_own_row_is_the_models(start: Start) -> None:
    tutor = open_lab(start, "--lang", "en", "--model", "qwen2.5-coder-0.5b")
    tutor.send("千问 tokenizer 龘")
    tutor.expect(r"1 model +\d", timeout=60)
    tutor.settle()
    assert figures(tutor, "model") == figures(tutor, "qwen")


def test_what_was_written_is_there_again_even_after_a_kill(start: Start) -> None:
    tutor = open_lab(start)
    tutor.send("kept 千问")
    to_the_tokens(tutor)
    tutor.send("4z")
    tutor.expect("qwen +bytes")
    tutor.settle(1.6)
    psutil.Process(tutor.pid).send_signal(signal.SIGKILL)
    tutor.wait()
    again = open_lab(start)
    again.expect("kept 千问")
    again.expect("qwen +bytes")
    again.expect("> 4 qwen")


def test_killing_the_model_loses_nothing(start: Start) -> None:
    tutor = open_lab(start)
    tutor.send("some text")
    tutor.expect(r"1 model +\d")
    (worker,) = psutil.Process(tutor.pid).children()
    worker.kill()
    tutor.settle()
    tutor.send(" more")
    tutor.expect("14 characters")
    tutor.expect("some text more")
    to_the_tokens(tutor)
    if "Try again" in tutor.text():
        tutor.send("r")
    tutor.expect(r"1 model +\d", timeout=60)


def test_a_hundred_kilobytes_are_counted_and_keys_stay_small(start: Start) -> None:
    tutor = open_lab(start)
    pasted = text()
    paste(tutor, pasted)
    counts = {name: len(cut(name, pasted)) for name in NAMES if name != "model"}
    tutor.expect(rf"token [\d,]+/{counts['cl100k_base']:,}")
    tutor.expect(rf"spm-unigram +{counts['spm-unigram']:,}")
    tutor.expect(r"1 model +\d\d,")
    tutor.settle(0.5)
    for name, expected in counts.items():
        assert figures(tutor, name) == expected
    assert 0 < answered(tutor, "x") <= KEY
    assert 0 < answered(tutor, "<bs>") <= KEY
    to_the_tokens(tutor)
    assert 0 < answered(tutor, "g") <= KEY
    for key in ("<right>", "<right>", "<down>", "<left>"):
        assert 0 < answered(tutor, key) <= MOVE
    for key in ("z", "z", "z", "3"):
        assert 0 < answered(tutor, key) <= KEY
    tutor.settle(1.0)
    assert answered(tutor, "") == 0, "sitting still sends nothing"


def test_typed_names_of_special_tokens_are_text_unless_asked(start: Start) -> None:
    tutor = open_lab(start)
    tutor.send("<|im_start|>hi")
    to_the_tokens(tutor)
    tutor.send("4")
    tutor.expect("> 4 qwen")
    assert "*" not in tutor.text()
    before = figures(tutor, "qwen")
    assert before == len(quicktok.get_encoding("qwen3").encode_ordinary("<|im_start|>hi"))
    tutor.send("x")
    tutor.expect(r"\*<\|im_start\|>")
    tutor.settle()
    assert figures(tutor, "qwen") == 2
    assert figures(tutor, "spm-bpe") == len(cut("spm-bpe", "<|im_start|>hi")), "SentencePiece reads none"
    tutor.send("x")
    tutor.expect("ordinary text again")
    tutor.settle()
    assert figures(tutor, "qwen") == before


def test_without_a_model_the_other_five_work_and_it_can_be_fetched(start: Start, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    tutor = open_lab(start, "--lang", "en", env={"QWTUTOR_MODELS": str(tmp_path / "none")})
    tutor.send("<enter>")
    tutor.expect("no model is here: f fetches")
    tutor.expect(r"spm-unigram +\d")
    tutor.settle()
    sample = re.search(r"text +(\S.*)", tutor.text())
    assert sample
    for name in NAMES[1:]:
        assert figures(tutor, name) > 1
    assert "Fetch the model" in tutor.text()


def test_a_file_is_read_to_the_letter_and_a_bad_path_is_a_sentence(start: Start, tmp_path: Path) -> None:
    content = "one\r\ntwo \x1b[31mred\x00 é 龘\u202e"
    path = tmp_path / "odd.txt"
    path.write_bytes(content.encode())
    tutor = open_lab(start)
    tutor.send("<c-o>")
    tutor.expect("path of a text file")
    tutor.send(str(tmp_path / "missing") + "<enter>")
    tutor.expect("There is no file")
    tutor.send("<c-u>")
    tutor.settle()
    tutor.send(str(path) + "<enter>")
    tutor.expect(rf"{len(content)} characters, {len(content.encode())} bytes +odd\.txt")
    tutor.settle()
    assert figures(tutor, "o200k_base") == len(cut("o200k_base", content))
    assert_harmless(tutor.sent)


@pytest.mark.parametrize(("language", "size"), [("zh", (60, 20)), ("en", (80, 24)), ("zh", (130, 40))])
def test_the_sample_shows_the_cost_of_one_language_against_the_other(
    start: Start, language: str, size: tuple[int, int]
) -> None:
    tutor = open_lab(start, "--lang", language, "--model", "smollm2-135m", size=size)
    tutor.send("<enter>")
    tutor.expect(r"2 cl100k_base .* x \d\.\d\d")
    tutor.expect(r"1/\d\d")
    tutor.settle()
    panes = len(re.findall("cl100k_base|o200k_base", tutor.text()))
    assert panes == (4 if size[0] >= 120 else 3)
    for sign in ("zz", "z"):
        tutor.send(sign)
        tutor.settle()
        assert all(len(line) <= size[0] for line in tutor.text().splitlines())
