"""Characters are bytes, tokens are bytes too, and the two need not end together.

The bytes of each character, the tokens across them, which of these are no text alone, what a decoder shows that takes
them one by one, and how joining the bytes repairs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from tutor.decoding.token_pictures import piece_item, shown
from tutor.decoding.utf8 import Emission, breaks, replaced, stream, valid
from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import ModelMissing
from tutor.domain.frames import Bar, Bars, Table, TokenItem, Tokens
from tutor.domain.language import Text
from tutor.domain.model import Model, TokenPiece
from tutor.domain.plaintext import clean

TITLE = Text("半个汉字：词元和字符不在同一处断开", "Half a character: where tokens and characters part")
NEEDS_MODEL = True  # only for its own tokenizer

SHIPPED = ("cl100k_base", "o200k_base", "qwen", "spm-bpe", "spm-unigram")

PARAMS = (
    Param("text", "text", "谢谢，已删除。", Text("要切开的文本", "The text to cut"), low=1, high=400),
    Param(
        "tokenizer",
        "choice",
        "cl100k_base",
        Text(
            "cl100k_base 是 GPT-4 的，o200k_base 是 GPT-4o 的，spm 两种随本程序附带，model 是所选模型自己的",
            "cl100k_base is GPT-4's, o200k_base GPT-4o's, the two spm come with this program, model is the chosen model's",
        ),
        choices=(*SHIPPED, "model"),
    ),
)

# What a picture shows; the result leaves nothing out.
SHOWN_CHARACTERS = 12
SHOWN_TOKENS = 60
SHOWN_ROWS = 14


def needs_model(params: Params) -> bool:
    """Whether a run with `params` asks a model: only for its own tokenizer."""
    return bool(params["tokenizer"] == "model")


def steps(params: Params, model: Model | None = None) -> Steps:
    """`model` needs `cut` alone, but for the tokenizer `model`.

    Result: `characters` and `bytes` of the text (counts), `ids`, `tokens` (the bytes of each in hex), `incomplete`
    (indices of the tokens that are not valid UTF-8 alone), `alone` (each token decoded by itself, with U+FFFD for what
    cannot be read), `naive` (those joined), `waiting` (hex: what a streaming decoder holds back after each token),
    `emitted` (what it gives out at each), `decoded` (all bytes joined, then decoded); `counts` and `incomplete_counts`:
    the tokens, and the incomplete ones among them, for each tokenizer.

    Raises ModelMissing where nothing is there to cut with, and what `cut` raises.
    """
    if model is None:
        raise ModelMissing(
            "This demo has nothing to cut the text with.", hint="Ask for it where the tokenizers are at hand."
        )
    text, name = params["text"], params["tokenizer"]
    pieces = model.cut(name, text)
    data = [piece.data for piece in pieces]
    incomplete = [i for i, each in enumerate(data) if not valid(each)]
    emissions = stream(data)

    yield _characters(text)
    yield _across(text, pieces, incomplete, name)
    yield _broken(pieces, incomplete)
    yield _one_by_one(data, text)
    yield _joined(data, emissions)
    names = SHIPPED if name in SHIPPED else (*SHIPPED, name)
    cuts = {each: pieces if each == name else model.cut(each, text) for each in names}
    counts = {each: len(cut) for each, cut in cuts.items()}
    broken = {each: sum(not valid(piece.data) for piece in cut) for each, cut in cuts.items()}
    yield _compared(counts, broken, len(text), name)
    return {
        "characters": len(text),
        "bytes": len(text.encode()),
        "ids": [piece.id for piece in pieces],
        "tokens": [each.hex() for each in data],
        "incomplete": incomplete,
        "alone": [clean(replaced(each)) for each in data],
        "naive": clean("".join(map(replaced, data))),
        "waiting": [emission.waiting.hex() for emission in emissions],
        "emitted": [clean(emission.text) for emission in emissions],
        "decoded": clean(b"".join(data).decode()),
        "counts": counts,
        "incomplete_counts": broken,
    }


def _characters(text: str) -> Step:
    different = list(dict.fromkeys(text))
    rows = tuple(
        (
            shown(character),
            f"U+{ord(character):04X}",
            character.encode().hex(" "),
            " ".join(f"{byte:08b}" for byte in character.encode()),
        )
        for character in different[:SHOWN_CHARACTERS]
    )
    columns = (
        Text("字符", "character"),
        Text("码位", "code point"),
        Text("字节", "bytes"),
        Text("二进制", "in binary"),
    )
    total = len(text.encode())
    more = len(different) - len(rows)
    note = Text(
        f"{len(text)} 个字符，{total} 个字节。第一个字节开头有几个 1，字符就有几个字节；0 开头的自己就是一个字符。"
        "后面的字节都以 10 开头，所以单看一个字节就知道它是不是字符的开头。"
        + (f"还有 {more} 种字符没画出来。" if more else ""),
        f"Characters: {len(text)}, bytes: {total}. The first byte begins with as many 1s as the character has bytes; "
        "one that begins with 0 is a character by itself. All later bytes begin with 10, so any byte shows "
        "whether it starts a character." + (f" {more} more kinds of characters are not drawn." if more else ""),
    )
    return Step(Text("每个字符的字节", "The bytes of each character"), (Table(columns, rows),), note, 0.0)


def _across(text: str, pieces: Sequence[TokenPiece], incomplete: Sequence[int], name: str) -> Step:
    items = tuple(piece_item(piece, "bad" if i in incomplete else "") for i, piece in enumerate(pieces[:SHOWN_TOKENS]))
    label = Text(f"{name} 的词元，下面是编号", f"The tokens of {name}, their ids below")
    owner = [i for i, piece in enumerate(pieces) for _ in piece.data]
    rows, at = [], 0
    for character in text[:SHOWN_ROWS]:
        data = character.encode()
        owners = owner[at : at + len(data)]
        cells = [
            f"{byte:02x}" if i == 0 or owners[i] == owners[i - 1] else f"| {byte:02x}" for i, byte in enumerate(data)
        ]
        rows.append((shown(character), " ".join(cells), " ".join(map(str, dict.fromkeys(owners)))))
        at += len(data)
    columns = (
        Text("字符", "character"),
        Text("字节，| 处断开", "bytes, cut at |"),
        Text("属于第几个词元（从 0 数）", "in which tokens (from 0)"),
    )
    note = Text(
        f"{len(pieces)} 个词元，其中 {len(incomplete)} 个单独不成文字，只好写出字节。编号一个不缺，没有哪个是“未知”："
        "词元是字节串，不必在字符的边上断开。",
        f"Tokens: {len(pieces)}. No text alone, and so shown as bytes: {len(incomplete)}. "
        "Every one has its id and none is unknown: a token is a string of bytes and need not end where a character does.",
    )
    if not incomplete:
        note = Text(
            f"{len(pieces)} 个词元，个个由完整的字符组成。词元是字节串，不必如此：换一个分词器，或换成少见的字试试。",
            f"Tokens: {len(pieces)}, all of whole characters. A token is a string of bytes and need not be: try another "
            "tokenizer, or rarer characters.",
        )
    frames = (Tokens(items, label), Table(columns, tuple(rows)))
    return Step(Text("跨过字符的词元", "The tokens across the characters"), frames, note, 0.2)


def _broken(pieces: Sequence[TokenPiece], incomplete: Sequence[int]) -> Step:
    columns = (
        Text("第几个", "token"),
        Text("编号", "id"),
        Text("字节", "bytes"),
        Text("开头几个字节属于前一个字符", "bytes of a character begun before"),
        Text("末尾的字符还缺几个", "bytes wanted at the end"),
    )
    rows = []
    for i in incomplete[:SHOWN_ROWS]:
        found = breaks(pieces[i].data)
        rows.append((str(i), str(pieces[i].id), pieces[i].data.hex(" "), str(found.before), str(found.missing)))
    title = Text("单独不成文字的", "Those that are no text alone")
    if not rows:
        note = Text(
            "这里一个也没有。",
            "There are none here.",
        )
        return Step(title, (), note, 0.4)
    note = Text(
        "这些不是坏数据，只是一个字符的一部分：要么开头接着前面的字符，要么末尾还没完。",
        "They are not damaged, only parts of characters: the start goes on with the one before, or the end wants more.",
    )
    return Step(title, (Table(columns, tuple(rows)),), note, 0.4)


def _one_by_one(data: Sequence[bytes], text: str) -> Step:
    alone = [replaced(each) for each in data]
    signs = sum(each.count("\ufffd") for each in alone) - text.count("\ufffd")
    items = tuple(
        TokenItem(shown(each), mark="" if valid(piece) else "bad", note=piece.hex())
        for each, piece in zip(alone[:SHOWN_TOKENS], data, strict=False)
    )
    label = Text("每个词元单独变成文字，下面是它的字节", "Each token turned into text by itself, its bytes below")
    note = Text(
        f"读不成字符的地方，解码器填上 �（U+FFFD）。这样一个一个来，屏幕上多出 {signs} 个 �。字节在这一步就丢了，之后再拼也救不回来。",
        f"Where bytes are no character, the decoder writes � (U+FFFD). Taken one by one they make {signs} of them, and the "
        "bytes are lost in this step: joining afterwards brings nothing back.",
    )
    if all(map(valid, data)):
        note = Text(
            "每个词元自己就是文字，所以一个一个地解码也没出错。这是碰巧，程序不能指望它。",
            "Each token is text by itself, so decoding them one by one went well. That is luck, and no program can count on it.",
        )
    return Step(Text("一个一个地解码", "Decoded one by one"), (Tokens(items, label),), note, 0.6)


def _joined(data: Sequence[bytes], emissions: Sequence[Emission]) -> Step:
    columns = (
        Text("第几个", "token"),
        Text("来的字节", "bytes that come"),
        Text("给出", "given out"),
        Text("扣下", "held back"),
        Text("屏幕上", "on the screen"),
    )
    screen = list(accumulate(emission.text for emission in emissions))
    rows = tuple(
        (str(i), data[i].hex(" "), shown(emission.text), emission.waiting.hex(" "), _tail(screen[i]))
        for i, emission in enumerate(emissions[:SHOWN_ROWS])
    )
    longest = max((len(emission.waiting) for emission in emissions), default=0)
    note = Text(
        f"先接字节，凑齐一个字符才给出，没凑齐的扣下，最多扣了 {longest} 个字节。到最后，文字和原文一字不差。",
        f"Bytes are joined first; a character is given out when it is whole, the rest is held back, here at most {longest} "
        "bytes. In the end the text is what it was, to the last character.",
    )
    return Step(Text("先接字节，再变文字", "Bytes first, text afterwards"), (Table(columns, rows),), note, 0.8)


def _tail(text: str) -> str:
    seen = shown(text)
    return seen if len(seen) <= SHOWN_CHARACTERS else ".." + seen[-SHOWN_CHARACTERS:]


def _compared(counts: dict[str, int], broken: dict[str, int], characters: int, name: str) -> Step:
    bars = Bars(
        tuple(
            Bar(each, float(count), "chosen" if each == name else "", f"{count / characters:.2f}, ✗ {broken[each]}")
            for each, count in counts.items()
        ),
        Text(
            "词元数；右边是每个字符几个，✗ 是单独不成文字的",
            "Tokens; on the right those per character, and ✗ those that are no text alone",
        ),
    )
    note = Text(
        "同样的文本，词表里收的中文多，词元就少。词元少，同样的价钱和上下文就装得下更多的字；写得对不对，不由它决定。",
        "The same text: the more of its language a vocabulary holds, the fewer the tokens. Fewer tokens mean more text for the "
        "same price and context. Whether the text is any good, they do not decide.",
    )
    return Step(Text("换一个分词器", "Other tokenizers"), (bars,), note, 1.0)
