"""The lab inside the model in a real terminal: the shell, attention and layers, each beside what the model itself says."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.terminal import Terminal
from tests.ui.conftest import Start
from tutor.decoding.attention import Weights, sink_share, weights_of
from tutor.decoding.token_pictures import name_of
from tutor.runtime.client import WorkerModel
from tutor.ui.draw.heatmap import SIGNS, level

SENTENCE = "The cat sat on the mat because it was"
LONG = " ".join(f"On day {n} the quick brown fox goes home to sleep." for n in range(1, 15))
STEP, MOVE = 8000, 1000  # bytes


@pytest.fixture(scope="module")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


def open_lab(start: Start, smollm: Path, *, size: tuple[int, int] = (80, 24)) -> Terminal:
    tutor = start("--lang", "en", "--model", str(smollm), size=size)
    tutor.expect("Start here|Continue")
    tutor.send("I")
    tutor.expect("1 Attention  2 Layers")
    return tutor


def write(tutor: Terminal, text: str) -> None:
    """Another sentence, pasted over the one that is there."""
    tutor.send("i")
    tutor.expect("Enter Take it")
    tutor.send("<c-u>")
    tutor.settle(0.1)
    os.write(tutor.fd, b"\x1b[200~" + text.encode() + b"\x1b[201~")
    tutor.settle()
    tutor.send("<enter>")
    tutor.expect("Enter Take it", gone=True)


def rows_of_heat_map(tutor: Terminal, tokens: list[str]) -> dict[int, str]:
    """What is drawn beside each token's label, by the token's number, as wide as the screen."""
    found = {}
    for line in tutor.text().splitlines():
        if match := re.match(r" [> ] +(\d+) (\S+)", line):
            number = int(match[1])
            if number < len(tokens) and match[2][:6] == tokens[number][:6]:
                found[number] = line[match.end() :].rstrip()
    return found


def shades(weights: list[float], cells: int) -> str:
    """How a row of these weights looks, each in so many cells."""
    signs = [SIGNS[level(weight)] for weight in weights]
    return "".join(sign.ljust(cells) if sign == "." else sign * cells for sign in signs).strip()


def test_the_heat_map_is_the_models_own_attention(start: Start, smollm: Path, smol: WorkerModel) -> None:
    tokens = [name_of(piece) for piece in smol.tokenize(SENTENCE)]
    tutor = open_lab(start, smollm)
    tutor.expect(r"layer 0 \(0-29\) +head 0 \(0-8\)")
    for keys, layer, head in (("", 0, 0), ("]]]", 3, 0), ("lllll", 3, 5), ("[h", 2, 4)):
        for key in keys:
            before = len(tutor.sent)
            tutor.send(key)
            tutor.settle()
            assert len(tutor.sent) - before <= STEP
        tutor.expect(rf"layer {layer} .*head {head} ")
        tutor.settle()  # the line above the picture is painted before it
        weights = weights_of(smol.attention(SENTENCE, layer))[head]
        drawn = rows_of_heat_map(tutor, tokens)
        assert sorted(drawn) == list(range(len(tokens)))
        cells = len(drawn[0].strip())  # the first token sees itself alone
        for number, row in drawn.items():
            assert row.strip() == shades(weights[number, : number + 1].tolist(), cells), (layer, head, number)
        _sink_is_told(tutor, weights)
    # The weight under the cursor is told exactly: up a token, then along what it sees.
    tutor.send("kkbbb")
    tutor.expect(f'6 "{tokens[6]}" looks at 3 "{tokens[3]}": {weights[6, 3]:.6f}')
    tutor.send("w")
    tutor.expect(f'looks at 4 "{tokens[4]}": {weights[6, 4]:.6f}')
    tutor.send("m")
    mean = weights_of(smol.attention(SENTENCE, 2)).mean(0)
    tutor.expect(f'mean of 9 heads.*looks at 4 "{tokens[4]}": {mean[6, 4]:.6f}')


def _sink_is_told(tutor: Terminal, weights: Weights) -> None:
    share = sink_share(weights)
    assert ("attention sink" in tutor.text()) == (share >= 0.3)
    if share >= 0.3:
        assert f"{100 * share:.0f} % of this head's attention rests on the first token" in tutor.text()


def test_all_heads_at_one_look_and_one_token_over_the_text(start: Start, smollm: Path, smol: WorkerModel) -> None:
    tutor = open_lab(start, smollm)
    tutor.expect(r"head 0 \(0-8\)")
    tutor.send("]")
    tutor.expect("layer 1 ")
    layer = weights_of(smol.attention(SENTENCE, 1))
    tutor.send("<space>")
    tutor.expect("opens the head")
    for number, head in enumerate(layer):
        assert re.search(rf"[> ]{number} {sink_share(head):.0%}", tutor.text()), number
    tutor.send("llj")
    tutor.expect(r">7 \d+%")
    tutor.send("<enter>")
    tutor.expect(r"head 7 .*looks at")
    tutor.send("<space><space>")
    tutor.expect("looks at, in %")
    strongest = max(range(9), key=lambda key: layer[7, 8, key])
    label = name_of(smol.tokenize(SENTENCE)[strongest])
    tutor.expect(rf'looks at, in %:\n +{strongest} "{label}" +{100 * layer[7, 8, strongest]:.1f}')


def test_a_long_text_scrolls_under_the_cursor(start: Start, smollm: Path, smol: WorkerModel) -> None:
    pieces = smol.tokenize(LONG)
    tokens = [name_of(piece) for piece in pieces]
    assert 150 < len(tokens) <= 256
    weights = weights_of(smol.attention(LONG, 0))[0]
    tutor = open_lab(start, smollm)
    tutor.expect(r"head 0 \(0-8\)")
    write(tutor, LONG)
    last = len(tokens) - 1
    tutor.expect(rf"{len(tokens)} tokens.*> {last} ", timeout=120)
    tutor.send("g")
    tutor.expect(f'>   0 {tokens[0]} .*0 "{tokens[0]}" looks at 0 "{tokens[0]}": 1.000000')
    tutor.settle()
    shown, spent = rows_of_heat_map(tutor, tokens), []
    for query in range(1, 21):
        before = len(tutor.sent)
        tutor.send("j")
        tutor.expect(rf"> +{query} ")
        tutor.settle(0.05)
        spent.append(len(tutor.sent) - before)
        shown = rows_of_heat_map(tutor, tokens)
        assert query in shown
    assert max(spent) <= STEP
    assert sorted(spent)[len(spent) // 2] <= MOVE, "most moves leave the window where it is"
    # Rows of another place in the text carry that place's labels and weights.
    tutor.send("G")
    tutor.expect(rf'> +{last} .*looks at {last} ".*": {weights[last, last]:.6f}')
    tutor.settle()
    shown = rows_of_heat_map(tutor, tokens)
    assert last in shown and min(shown) > 40
    for number, row in shown.items():
        columns = (len(row.strip()) + 1) // 2
        seen = weights[number, number + 1 - columns : number + 1].tolist()
        assert row.strip() == shades(seen, 2), number
    # One that is too long costs a sentence.
    write(tutor, LONG + LONG)
    tutor.expect(r"256.*r tries again")
    tutor.send("i")
    tutor.expect("goes home to sleep")
    tutor.send("<esc>")
    tutor.expect("Sentence On day 1 ")


def test_the_layers_end_in_the_models_own_answer(start: Start, smollm: Path, smol: WorkerModel) -> None:
    tutor = open_lab(start, smollm)
    tutor.expect(r"head 0 \(0-8\)")
    tutor.send("2")
    answer, lens = smol.next(SENTENCE, top=5), smol.lens(SENTENCE)
    best = answer.top[0]
    tutor.expect(rf"The answer: {re.escape(name_of(best))} with (0\.\d+)")
    assert float(tutor.text().split(" with ")[1][:6]) == pytest.approx(math.exp(best.logprob), abs=0.01)
    tutor.send("G")
    tutor.expect(r">.* 29 ")
    tutor.expect("After layer 29:.*entropy")
    told = tutor.text().split("After layer 29:")[1]
    assert all(name_of(candidate) in told for candidate in answer.top)
    for layer in range(28, 21, -1):
        before = len(tutor.sent)
        tutor.send("k")
        tutor.expect(f"After layer {layer}:")
        tutor.settle(0.05)
        assert len(tutor.sent) - before <= 4 * MOVE
        row = next(line for line in tutor.text().splitlines() if line.startswith(">"))
        found = lens.layers[layer]
        assert re.search(rf"{found.probability:.4f} +{found.rank + 1:,}\b", row)
        assert f"{name_of(found.top[0])} " in row and ("✓" in row) == (found.rank == 0)
    tutor.send("+++")
    tutor.expect(r"After layer 22:(.*?\d\.\d{4}){8}")


def test_what_was_explored_is_there_again(start: Start, smollm: Path) -> None:
    tutor = open_lab(start, smollm)
    tutor.expect(r"head 0 \(0-8\)")
    write(tutor, "Paris is the capital of France")
    tutor.expect("6 tokens")
    tutor.send("]]")
    tutor.expect("layer 2 ")
    tutor.send("lllk")
    tutor.expect(r"head 3 .*> +4 ")
    tutor.settle()
    place = tutor.text()
    tutor.send("2")
    tutor.expect("The answer:")
    tutor.send("q")
    tutor.expect("Start here|Continue")
    tutor.send("q")
    assert tutor.wait() == 0
    again = open_lab(start, smollm)
    again.expect("Paris is the capital.*The answer:")
    again.send("1")
    again.expect(r"layer 2 .*head 3 .*looks at")
    again.settle()
    assert again.text() == place


def test_a_killed_process_costs_a_sentence_and_the_lab_goes_on(start: Start, smollm: Path) -> None:
    tutor = open_lab(start, smollm)
    tutor.expect(r"head 0 \(0-8\)")
    write(tutor, "Water is wet")
    tutor.expect("3 tokens")
    tutor.send("ll")
    tutor.expect("head 2 ")
    (worker,) = psutil.Process(tutor.pid).children()
    worker.suspend()
    tutor.send("]")
    tutor.expect("Esc stops")
    worker.kill()
    tutor.expect(r"process has ended.*r tries again", timeout=60)
    assert "Water is wet" in tutor.text()
    tutor.send("r")
    tutor.expect(r"layer 1 .*head 2 ", timeout=60)
    # Esc stops a question whose answer does not come; the sentence under way in the input line stays as it was.
    (worker,) = psutil.Process(tutor.pid).children()
    worker.suspend()
    tutor.send("]")
    tutor.expect("Esc stops")
    tutor.send("<esc>")
    tutor.expect("Stopped")
    worker.resume()
    tutor.send("r")
    tutor.expect(r"layer 2 .*head 2 ", timeout=60)
    tutor.send("i")
    tutor.expect("Take it")
    tutor.send(" and cold<esc>")
    tutor.expect("Sentence Water is wet\n")
    assert b"Traceback" not in tutor.sent


def test_without_a_model_the_lab_offers_to_fetch_it(start: Start, tmp_path: Path) -> None:
    tutor = start("--lang", "zh", "--model", "smollm2-135m", env={"QWTUTOR_MODELS": str(tmp_path)}, size=(60, 20))
    tutor.expect("从这里开始")
    tutor.send("I")
    tutor.expect("按 f 现在就下载|f .*smollm2-135m")
    tutor.send("2")
    tutor.expect("1 注意力  2 逐层.*smollm2-135m")
    tutor.send("q")
    tutor.expect("从这里开始")
