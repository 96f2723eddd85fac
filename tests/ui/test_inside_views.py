"""Inside the model: the views of surprise, neighbours and the file, by themselves and in a real terminal."""

from __future__ import annotations

import math
import os
import random
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.terminal import Terminal
from tests.ui.conftest import Start
from tutor.domain import language
from tutor.domain.errors import UsageError
from tutor.domain.model import Neighbour, Neighbours, Score, TokenPiece
from tutor.domain.modelfile import Tensor
from tutor.runtime.client import WorkerModel
from tutor.ui.draw import modelfile as file_lines
from tutor.ui.draw import neighbours as neighbour_lines
from tutor.ui.draw import surprise
from tutor.ui.draw.neighbours import Query, alike
from tutor.ui.draw.palette import DARK, PLAIN
from tutor.ui.draw.surprise import Coloured, Scored
from tutor.ui.screens.labs.inside import SENTENCE

TEXT = SENTENCE.en


@pytest.fixture(scope="module")
def smol(smollm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerModel]:
    with WorkerModel(smollm, log=tmp_path_factory.mktemp("smol") / "log") as model:
        yield model


def scored(*tokens: tuple[str, float], data: bytes | None = None) -> Scored:
    """Tokens with their surprise in bits; that of the first is not there."""
    pieces = tuple(
        TokenPiece(i, text, text.encode() if data is None else data, 0, 0) for i, (text, _) in enumerate(tokens)
    )
    nll = tuple(bits * math.log(2) for _, bits in tokens[1:])
    mean = sum(nll) / len(nll) if nll else 0.0
    return Scored(pieces, Score(tuple(range(len(pieces))), nll, mean, math.exp(mean)))


# Surprise


def test_the_steps_begin_at_half_an_eighth_a_64th_and_a_1024th() -> None:
    bits = [0.0, 0.99, 1.0, 2.99, 3.0, 5.99, 6.0, 9.99, 10.0, 40.0]
    assert [surprise.step_of(b * math.log(2)) for b in bits] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [surprise.percent(-math.log(p)) for p in (1.0, 0.5, 0.001, 0.00042, 1e-7)] == [
        "100.0%", "50.0%", "0.1%", "0.04%", "1e-05%",
    ]  # fmt: skip


def test_each_token_has_its_digit_below_its_first_letter_and_the_first_has_none() -> None:
    text = scored(("The", 0), (" cat", 11), (" sat", 0.5), ("小", 4))
    words, digits = (row.plain for row in Coloured(text, 40, PLAIN).drawn(None))
    assert words == "The cat sat小"
    assert digits == "-   5   1  3"
    assert "nothing stands before it" in surprise.detail(text, 0, 90, PLAIN).plain


def test_the_cursor_is_seen_without_colours() -> None:
    rows = Coloured(scored(("a", 0), (" b", 2), (" c", 2)), 40, PLAIN).drawn(1)
    (marked,) = [span for span in rows[0].spans if not isinstance(span.style, str) and span.style.reverse]
    assert rows[0].plain[marked.start : marked.end] == " b"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30), st.integers(8, 40))
def test_the_layout_loses_nothing_and_overflows_no_line(tokens: list[str], width: int) -> None:
    text = scored(*[(token.replace("\ud800", "?"), 3.0) for token in tokens])
    layout = Coloured(text, width, DARK)
    parts: dict[int, str] = {}
    for line in layout.lines:
        assert sum(cell_len(piece) for _, piece in line) <= width
        for index, piece in line:
            parts[index] = parts.get(index, "") + piece
    shown = [parts[i] for i in sorted(parts)]
    assert len(shown) == len(tokens)
    assert all(piece for piece in shown)
    for cursor in range(len(tokens)):
        rows = layout.drawn(cursor)
        assert len(rows) == 2 * len(layout.lines)
        assert [row.plain for row in rows] == [row.plain for row in layout.drawn(None)]


def test_a_token_that_is_no_whole_character_is_shown_as_its_bytes() -> None:
    rows = Coloured(scored(("\ufffd", 0), ("\ufffd", 1), data=b"\xe5\x8d"), 40, PLAIN).drawn(None)
    assert rows[0].plain == "<e5 8d><e5 8d>"


def test_two_texts_are_compared_by_token_and_as_wholes() -> None:
    short, long = scored(("a", 0), (" b", 8)), scored(("a", 0), (" b", 5), (" c", 5))
    assert surprise.comparison(short, long) == (
        "A token of the other text is 3.00 bits less surprising on average. As a whole it is 2.0 bits more surprising. "
        "The two differ because one has more tokens."
    )
    assert surprise.comparison(long, scored(("a", 0), (" b", 5), (" c", 7))) == (
        "A token of the other text is 1.00 bits more surprising on average. As a whole it is 2.0 bits more surprising."
    )


# Neighbours


def test_a_sum_may_say_what_one_expects_of_it() -> None:
    assert Query.read("king - man + woman = queen") == Query(("king", "woman"), ("man",), "queen")
    assert Query.read("␣king - ␣man = ␣a b") == Query((" king",), (" man",), " a b")
    assert Query.read("a=b") == Query(("a=b",))
    for typed in ("", " - man", "king + ", " = queen"):
        with pytest.raises(UsageError):
            Query.read(typed)


def test_a_query_is_written_as_it_is_read() -> None:
    for typed in ("cat", "␣king + ␣woman - ␣man = ␣queen"):
        assert str(Query.read(typed)) == typed


def test_spaces_are_put_before_all_tokens_or_taken_away() -> None:
    bare, spaced = Query(("king",), ("man",), "queen"), Query((" king",), (" man",), " queen")
    assert bare.spaced() == Query(("king",), (" man",), "").spaced()._replace(expected=" queen") == spaced
    assert spaced.spaced() == bare
    assert Query((" ",)).spaced() == Query((" ",))


def test_other_spellings_are_one_word() -> None:
    assert all(alike("cat", other) for other in (" cat", "Cat", " CATS", "cats", "_cat"))
    assert not any(alike("cat", other) for other in ("car", "catch", "", " ", "dog"))
    assert not alike(" ", "--")
    assert not alike("is", "i")


def near(*pairs: tuple[str, float]) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(i, text, cosine) for i, (text, cosine) in enumerate(pairs))


def verdict(query: Query, found: Neighbours) -> str:
    return " ".join(line.plain for line in neighbour_lines.verdict_lines(query, found, 200, PLAIN))


def test_what_leaving_the_sums_own_tokens_out_hides_is_said() -> None:
    query = Query.read("king - man + woman = queen")
    plus, minus = near(("king", 0.8), ("woman", 0.5)), near(("man", -0.1))
    hidden = Neighbours((10, 4), plus, minus, near(("queen", 0.6), ("King", 0.5)))
    assert verdict(query, hidden) == (
        "Nearest of all is king, out of the sum itself: left in, it would be the answer. queen comes first, as expected. "
        "~ 1 of the first 2 are the same word, written otherwise."
    )
    fails = Neighbours((10, 4), plus, minus, near(("prince", 0.9), ("boy", 0.5)))
    assert verdict(query, fails) == (
        "prince is nearer than any token of the sum itself. queen is not among the nearest 2: the pattern fails here."
    )
    third = Neighbours((10, 4), plus, minus, near(("a", 0.9), ("b", 0.8), ("queen", 0.7)))
    assert "queen is number 3: the pattern does not quite hold here." in verdict(query, third)
    spelled = Neighbours((10, 4), plus, minus, near(("a", 0.9), (" Queen", 0.8)))
    assert "queen is not among the nearest 2; ␣Queen is number 2." in verdict(query, spelled)
    assert verdict(Query(("cat",)), Neighbours((10, 4), near(("cat", 1.0)), (), near(("dog", 0.5)))) == ""


# The file


def test_tensors_are_sorted_and_filtered() -> None:
    names = ["output.weight", "blk.10.attn_q.weight", "blk.2.attn_q.weight", "blk.2.ffn_up.weight"]
    sizes = [300, 100, 100, 200]
    tensors = [
        Tensor(n, (32,), "Q8_0" if i else "F16", b, 0) for i, (n, b) in enumerate(zip(names, sizes, strict=True))
    ]
    random.Random(1).shuffle(tensors)

    def shown(sort: str, wanted: str = "") -> list[str]:
        return [tensor.name for tensor in file_lines.tensors_shown(tensors, sort, wanted)]

    assert shown("file") == [tensor.name for tensor in tensors]
    assert shown("name") == ["blk.2.attn_q.weight", "blk.2.ffn_up.weight", "blk.10.attn_q.weight", "output.weight"]
    assert [t.bytes for t in file_lines.tensors_shown(tensors, "size", "")] == [300, 200, 100, 100]
    assert shown("type")[0] == "output.weight"
    assert set(shown("file", " ATTN_Q ")) == {"blk.2.attn_q.weight", "blk.10.attn_q.weight"}
    assert shown("file", "f16") == ["output.weight"]
    assert shown("file", "nothing") == []


@pytest.mark.parametrize("spoken", ["zh", "en"])
def test_figures_and_names_stand_whole_in_rows_of_sixty_cells(spoken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_current", spoken)
    tensor = Tensor("blk.23.attn_output.weight", (151_936, 14_848), "Q8_0", 144_643_072, 0)
    for width in (54, 76):
        line = file_lines.tensor_line(tensor, width, PLAIN).plain
        assert line.startswith(tensor.name)
        assert line.endswith("144,643,072")
        assert cell_len(line) <= width
    row = surprise.row(scored(("a", 0), (" somewhat", 12.34)), 1, 56, PLAIN).plain
    assert "0.02%" in row
    assert cell_len(row) <= 56


def test_sizes_are_said_as_people_say_them() -> None:
    said = [file_lines.amount(count) for count in (0, 491_400_064, 9_999_000_000, 810_000_000_000, 2_500_000_000_000)]
    assert said == ["0.0 MB", "491.4 MB", "9,999.0 MB", "810.0 GB", "2.5 TB"]


# In a terminal


def opened(start: Start, view: str, *, lang: str = "en", size: tuple[int, int] = (80, 24), **env: str) -> Terminal:
    terminal = start("--lang", lang, "--model", "smollm2-135m", size=size, env=env)
    terminal.expect("qwtutor")
    terminal.settle()
    terminal.send("I")
    terminal.expect("1 (Attention|注意力)")
    terminal.settle()
    terminal.send(view)
    return terminal


def write(terminal: Terminal, text: str) -> None:
    """Type `text` over what stands in the line."""
    terminal.send("<c-u>")
    terminal.settle()
    terminal.send(text)
    terminal.settle()
    terminal.send("<enter>")


def test_surprise_is_the_models_own_and_is_told_without_colours(start: Start, smol: WorkerModel) -> None:
    expected = smol.score(TEXT)
    terminal = opened(start, "3", NO_COLOR="1")
    screen = terminal.expect(rf"perplexity {expected.perplexity:,.1f}, all")
    line = next(i for i, row in enumerate(screen.splitlines()) if row == f" {TEXT}")
    digits = "".join(screen.splitlines()[line + 1].split())
    assert digits == "-" + "".join(str(surprise.step_of(nats)) for nats in expected.nll)
    marked = [x for x in range(80) if terminal.screen.buffer[line][x].reverse]
    assert [terminal.screen.buffer[line][x].data for x in marked] == list(" cat")
    terminal.send("n")
    worst = max(expected.nll)
    terminal.expect(rf"{worst / math.log(2):.2f} bits = {worst:.2f} nats")
    terminal.send("<enter>")
    terminal.expect("The model expected:")
    place = 1 + expected.nll.index(worst)
    best = smol.next(expected.ids[:place], top=1).top[0]
    terminal.expect(re.escape(f"{best.text.replace(' ', '␣')}") + rf" +{100 * math.exp(best.logprob):.1f}%")
    terminal.send("g")
    terminal.expect("the first token: nothing stands before it")


def test_two_texts_beside_each_other_come_back_after_the_worker_was_killed(start: Start, smol: WorkerModel) -> None:
    other = TEXT + " Really."
    terminal = opened(start, "3")
    terminal.expect(r"perplexity [\d.]+, all")
    terminal.send("o")
    terminal.expect("Enter Compare")
    terminal.send(" Really.<enter>")
    terminal.expect(rf"perplexity {smol.score(other).perplexity:,.1f}, all")
    terminal.expect("A token of the other text")
    terminal.send("m")
    terminal.expect(r"1 The +nothing stands before it")
    for child in children(terminal.pid):
        os.kill(child, signal.SIGKILL)
    terminal.send("<end>")
    terminal.settle()
    terminal.send("<enter>")
    # The process is started again for what was asked, or it is said what happened and r asks again.
    screen = terminal.expect("The model expected:|r tries again")
    if "The model expected:" not in screen:
        terminal.send("r")
        terminal.expect("The model expected:")
    assert "A token of the other text" in opened_again(terminal)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def opened_again(terminal: Terminal) -> str:
    """The lab left and entered once more."""
    terminal.send("q")
    terminal.expect("1 Attention", gone=True)
    terminal.settle()
    terminal.send("I")
    terminal.expect("A token of the other text")
    return terminal.text()


def test_a_text_of_one_token_gets_a_sentence(start: Start) -> None:
    terminal = opened(start, "3")
    terminal.expect(r"perplexity [\d.]+, all")
    terminal.send("i")
    terminal.expect("Enter Take it")
    write(terminal, "a")
    terminal.expect("A score needs a text of at least two tokens")


def test_neighbours_are_followed_and_come_back(start: Start, smol: WorkerModel) -> None:
    found = smol.neighbours([" king", " woman"], [" man"], top=100)
    terminal = opened(start, "4")
    first, second = ("␣" + each.text.strip() if each.text[0] == " " else each.text for each in found.nearest[:2])
    terminal.expect(rf"> +1 .{first} +{found.nearest[0].cosine:.3f}")
    own = {each.text: each.cosine for each in (*found.plus, *found.minus)}
    terminal.expect(rf"␣king {own[' king']:.2f}  ␣woman {own[' woman']:.2f}  ␣man {own[' man']:.2f}")
    terminal.expect(r"␣queen comes first, as\s+expected\.")
    terminal.send("<down>")
    terminal.settle()
    terminal.send("<enter>")
    followed = smol.neighbours([found.nearest[1].text], top=1)
    terminal.expect(rf"{second}  nearest of 49,152 tokens, 576 numbers each.*{followed.nearest[0].cosine:.3f}")
    terminal.send("<bs>")
    terminal.expect(r"␣queen comes first, as\s+expected\.")
    terminal.send("i")
    terminal.expect("Enter Look")
    write(terminal, "unquestionably wrong")
    terminal.expect("Many words are one token")
    terminal.send("i")
    terminal.expect("Enter Look")
    write(terminal, "cat")
    terminal.expect("of the first 10 are the same word")


@pytest.mark.parametrize(("lang", "size"), [("zh", (60, 20)), ("en", (80, 24)), ("en", (120, 40))])
def test_the_file_sorts_filters_and_reckons(start: Start, lang: str, size: tuple[int, int]) -> None:
    terminal = opened(start, "5", lang=lang, size=size)
    terminal.expect("134,515,008")
    terminal.send("+")
    terminal.expect("8,192 (tokens|个词元)")
    terminal.expect("287.1 MB")
    terminal.send("s")
    terminal.expect("largest first|从大到小")
    terminal.send("f")
    terminal.settle()
    terminal.send("attn_k")
    terminal.expect("30 of 272|272 个里有 30 个")
    terminal.send("<enter>")
    terminal.expect("Enter (Open, fold|展开、折叠)")
    terminal.send("<down><enter>")
    terminal.expect(re.escape("576 x 192 = 110,592"))


def test_the_template_opens_as_text(start: Start) -> None:
    terminal = opened(start, "5")
    terminal.expect("134,515,008")
    terminal.settle()
    before = len(terminal.sent)
    terminal.send("j")
    terminal.settle()
    assert 0 < len(terminal.sent) - before < 1000
    terminal.send("jj")
    terminal.settle()
    terminal.send("<enter>")
    terminal.expect(r"\+ Metadata")
    terminal.send("j<enter>")
    terminal.expect(re.escape("{% for message in messages %}"))


def test_any_file_opens_one_that_is_broken_with_a_sentence(start: Start, smollm: Path, tmp_path: Path) -> None:
    broken, whole = tmp_path / "broken.gguf", tmp_path / "whole.gguf"
    broken.write_bytes(smollm.read_bytes()[:1_000_000])
    shutil.copyfile(smollm, whole)
    terminal = start("--lang", "en", "--model", "qwen3-1.7b")
    terminal.expect("qwtutor")
    terminal.settle()
    terminal.send("I")
    terminal.expect("1 Attention")
    terminal.settle()
    terminal.send("5")
    terminal.expect("f fetches the model qwen3-1.7b.*o opens another file")
    terminal.send("o")
    terminal.expect("Models on this machine")
    terminal.send(f"{broken}<enter>")
    terminal.expect("broken.gguf breaks off")
    terminal.send("o")
    terminal.expect("Models on this machine")
    terminal.send(f"{whole}<enter>")
    terminal.expect("134,515,008")
    terminal.send("o")
    terminal.expect("Models on this machine")
    terminal.send("<esc>")
    terminal.expect("134,515,008")


def test_the_list_of_models_opens_the_same_view(start: Start) -> None:
    terminal = start("--lang", "en", "--model", "smollm2-135m")
    terminal.expect("qwtutor")
    terminal.send("<c-p>")
    terminal.settle()
    terminal.send("models<enter>")
    terminal.expect("Look inside")
    terminal.send("i")
    terminal.expect("630,167,424 parameters in 291 tensors")
    terminal.send("q")
    terminal.expect("Look inside")


def test_pictures_are_drawn_in_the_language_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_current", "zh")
    one = scored(("猫", 0), ("坐", 8))
    assert "没有惊讶度" in surprise.detail(one, 0, 90, PLAIN).plain
    assert "困惑度" in surprise.summary(one)
