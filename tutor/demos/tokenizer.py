"""Byte-pair encoding learnt merge by merge (Sennrich, Haddow and Birch 2016, arXiv:1508.07909, section 3.2).

Each word starts as its characters; the most frequent pair of neighbours is joined, everywhere, again and again.
The merges learnt can then be replayed on a word that the corpus does not hold.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

from tutor.domain.demo import Param, Params, Step, Steps
from tutor.domain.errors import UsageError
from tutor.domain.frames import Bar, Bars, Table, TokenItem, Tokens
from tutor.domain.language import Text, same
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

TITLE = Text("一步一步训练 BPE 分词器", "Train a BPE tokenizer, merge by merge")
NEEDS_MODEL = False

MAX_CHARACTERS = 20_000
MAX_MERGES = 500
MAX_ENCODE = 200
MAX_COUNT = 1_000_000_000
END_OF_WORD = "</w>"

# What a picture shows; the counting leaves nothing out.
SHOWN_WORDS = 8
SHOWN_PIECES = 40
SHOWN_PAIRS = 6

PARAMS = (
    Param(
        "corpus",
        "json",
        '{"low": 5, "lower": 2, "newest": 6, "widest": 3}',
        Text(
            "训练语料：词和次数的 JSON 对象，或一段文本（按空白切成词）",
            "What to learn from: words with counts as a JSON object, or a text, cut into words at whitespace",
        ),
        low=1,
        high=MAX_CHARACTERS,
    ),
    Param("merges", "int", 6, Text("合并多少次", "How many merges to learn"), low=0, high=MAX_MERGES),
    Param("end_of_word", "bool", False, Text("在词尾加标记 </w>", "Close each word with a mark, </w>")),
    Param(
        "encode",
        "text",
        "",
        Text("学完后拿来编码的词，可以是没见过的", "A word to encode with the merges learnt; it may be a new one"),
        low=0,
        high=MAX_ENCODE,
    ),
)

Pair = tuple[str, str]


class Bpe:
    """The distinct words as lists of pieces, and how often each pair of neighbours occurs, kept up to date.

    A piece comes about in one way only: where the same characters become one piece in two places, the same merges
    were made in both. So no pair is learnt twice, and every merge adds an entry to the vocabulary.
    Occurrences are counted as neighbours, overlaps included: "aaa" holds (a, a) twice, though it can be joined once.
    """

    def __init__(self, words: Mapping[str, int], *, end_of_word: bool = False) -> None:
        self.words = [split(word, end_of_word=end_of_word) for word in words]
        self.counts = list(words.values())
        self.pairs: Counter[Pair] = Counter()
        self._where: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> the words that hold it
        for index in range(len(self.words)):
            self._add(index)

    def _add(self, index: int) -> None:
        for pair in pairwise(self.words[index]):
            self.pairs[pair] += self.counts[index]
            self._where[pair].add(index)

    def _remove(self, index: int) -> None:
        for pair in pairwise(self.words[index]):
            self.pairs[pair] -= self.counts[index]
            self._where[pair].discard(index)
            if self.pairs[pair] == 0:
                del self.pairs[pair], self._where[pair]

    def best(self) -> Pair | None:
        """The most frequent pair; of equals, the one that stands first in the corpus. None: every word is one piece.

        No two pairs stand at one place, so the first occurrence decides every tie; a lexicographic order after
        it would never be asked.
        """
        top = max(self.pairs.values(), default=0)
        tied = {pair for pair, count in self.pairs.items() if count == top}
        return next((pair for pieces in self.words for pair in pairwise(pieces) if pair in tied), None)

    def holding(self, pair: Pair) -> list[int]:
        """The words in which `pair` occurs, by index."""
        return sorted(self._where.get(pair, ()))

    def merge(self, pair: Pair) -> None:
        """Join `pair` wherever it occurs."""
        for index in self.holding(pair):
            self._remove(index)
            self.words[index] = join(self.words[index], pair)
            self._add(index)

    @property
    def tokens(self) -> int:
        """Pieces in the whole corpus, each word as often as it occurs."""
        return sum(len(pieces) * count for pieces, count in zip(self.words, self.counts, strict=True))


def split(word: str, *, end_of_word: bool) -> list[str]:
    """`word` as single characters, closed by END_OF_WORD where asked for."""
    return [*word, END_OF_WORD] if end_of_word else [*word]


def join(pieces: list[str], pair: Pair) -> list[str]:
    """`pieces` with `pair` joined from left to right, without overlap: "aaa" with (a, a) becomes "aa a"."""
    left, right = pair
    joined: list[str] = []
    position = 0
    while position < len(pieces):
        if pieces[position] == left and pieces[position + 1 : position + 2] == [right]:
            joined.append(left + right)
            position += 2
        else:
            joined.append(pieces[position])
            position += 1
    return joined


def next_merge(pieces: Sequence[str], ranks: Mapping[Pair, int]) -> Pair | None:
    """The pair in `pieces` that was learnt earliest, or None. Encoding joins it and asks again."""
    return min((pair for pair in pairwise(pieces) if pair in ranks), key=ranks.__getitem__, default=None)


def words_of(corpus: object) -> dict[str, int]:
    """The words of `corpus` with their counts, in the order of first appearance. Raises UsageError."""
    if isinstance(corpus, str) and corpus.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):  # what is no JSON is refused below
            corpus = json.loads(corpus)
    if isinstance(corpus, str) and not corpus.lstrip().startswith("{"):
        words = dict(Counter(corpus.split()))
    elif isinstance(corpus, Mapping):
        words = {str(word): _count(word, count) for word, count in corpus.items()}
    else:
        raise UsageError(
            "`corpus` must be a text or a JSON object of words and counts, not {given}.",
            given=_short(corpus if isinstance(corpus, str) else json.dumps(corpus, ensure_ascii=False)),
        )
    if not words or "" in words:
        raise UsageError("`corpus` must hold at least one word, and none of them empty.")
    characters = sum(map(len, words))
    if characters > MAX_CHARACTERS:
        raise UsageError(
            "The words of `corpus` must have at most {high} characters together, not {given}.",
            high=MAX_CHARACTERS,
            given=characters,
        )
    return words


def _count(word: object, count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
        raise UsageError(
            "The count of `{word}` in `corpus` must be a whole number from 1 to {high}, not {given}.",
            word=_short(str(word)),
            high=MAX_COUNT,
            given=_short(str(count)),
        )
    return count


def _short(text: str) -> str:
    return visible(text if len(text) <= 60 else text[:57] + "...")


def steps(params: Params, model: Model | None = None) -> Steps:
    """Two steps a merge (what is counted and chosen, what that changes), the list of merges, then the encoding.

    Result: `merges` (pairs in the order learnt), `counts` (how often each pair occurred when it was chosen),
    `vocab` (the characters in order of first appearance, then each new piece; the index is the id), `vocab_size`,
    `tokens_before` and `tokens_after` (pieces in the whole corpus), `encoded` and `encoded_ids` (of `encode`; None
    for a character that the corpus did not hold).
    """
    wanted: int = params["merges"]
    words = words_of(params["corpus"])
    if params["end_of_word"] and any(END_OF_WORD in word for word in words):
        raise UsageError("With `end_of_word` no word of `corpus` may hold the mark {mark} itself.", mark=END_OF_WORD)
    bpe = Bpe(words, end_of_word=params["end_of_word"])
    encode_steps = params["encode"] != ""
    vocab = {piece: id for id, piece in enumerate(dict.fromkeys(p for pieces in bpe.words for p in pieces))}
    merges: list[Pair] = []
    counts: list[int] = []
    tokens_before = bpe.tokens
    # The encoding takes the last tenth of the bar, whatever its length.
    share = (0.9 if encode_steps else 1.0) / (2 * wanted + 1)

    yield _start(bpe, vocab)
    while len(merges) < wanted and (pair := bpe.best()) is not None:
        number = len(merges) + 1
        yield _choose(bpe, pair, number, progress=(2 * number - 1) * share)
        tokens = bpe.tokens
        merges.append(pair)
        counts.append(bpe.pairs[pair])
        changed = bpe.holding(pair)
        bpe.merge(pair)
        vocab["".join(pair)] = len(vocab)
        yield _apply(bpe, pair, number, changed, tokens, progress=2 * number * share)
    yield _learnt(merges, counts, wanted, vocab, bpe.tokens, progress=0.9 if encode_steps else 1.0)

    encoded: list[str] = []
    if encode_steps:
        encoded = split(params["encode"], end_of_word=params["end_of_word"])
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        yield _to_encode(encoded, vocab)
        while (pair := next_merge(encoded, ranks)) is not None:
            before, encoded = encoded, join(encoded, pair)
            yield _replayed(before, encoded, pair, ranks[pair], vocab)
        yield _encoded(params["encode"], encoded, vocab)

    return {
        "merges": [list(pair) for pair in merges],
        "counts": counts,
        "vocab": list(vocab),
        "vocab_size": len(vocab),
        "tokens_before": tokens_before,
        "tokens_after": bpe.tokens,
        "encoded": encoded,
        "encoded_ids": [vocab.get(piece) for piece in encoded],
    }


def _start(bpe: Bpe, vocab: Mapping[str, int]) -> Step:
    return Step(
        Text("起点：每个词拆成单个字符", "Start: every word as single characters"),
        (_words(bpe),),
        Text(
            f"词表里现在有 {len(vocab)} 个字符。整个语料是 {bpe.tokens} 个词元。",
            f"The vocabulary holds {len(vocab)} characters. The whole corpus is {bpe.tokens} tokens.",
        ),
        progress=0.0,
    )


def _choose(bpe: Bpe, pair: Pair, number: int, *, progress: float) -> Step:
    count = bpe.pairs[pair]
    ties = sum(other == count for other in bpe.pairs.values()) - 1
    if ties:
        note = Text(
            f"{_plus(pair)} 相邻 {count} 次，另有 {ties} 对与它并列；它在语料里出现得最早，所以选它。",
            f"{_plus(pair)} stand side by side {count} times, and so {f'do {ties} other pairs' if ties > 1 else 'does one other pair'}; "
            "this one comes first in the corpus, so it is chosen.",
        )
    else:
        note = Text(
            f"{_plus(pair)} 相邻 {count} 次，比其他任何一对都多。",
            f"{_plus(pair)} stand side by side {count} times, more often than any other pair.",
        )
    return Step(
        Text(f"第 {number} 次合并：数相邻对", f"Merge {number}: count the neighbours"),
        (_words(bpe, bpe.holding(pair), pair, "chosen"), _bars(bpe, pair)),
        note,
        progress,
    )


def _apply(bpe: Bpe, pair: Pair, number: int, changed: Sequence[int], tokens: int, *, progress: float) -> Step:
    piece = visible("".join(pair))
    note = Text(
        f"词表多了一项：{piece}。整个语料从 {tokens} 个词元减到 {bpe.tokens} 个。",
        f"The vocabulary gains one entry: {piece}. The whole corpus goes from {tokens} tokens to {bpe.tokens}.",
    )
    return Step(
        Text(f"第 {number} 次合并：{_plus(pair)} 变成 {piece}", f"Merge {number}: {_plus(pair)} become {piece}"),
        (_words(bpe, changed, ("".join(pair),), "new"),),
        note,
        progress,
    )


def _learnt(
    merges: Sequence[Pair],
    counts: Sequence[int],
    wanted: int,
    vocab: Mapping[str, int],
    tokens: int,
    *,
    progress: float,
) -> Step:
    note = Text(
        f"词表共 {len(vocab)} 项，语料现在是 {tokens} 个词元。分词器要保存的就是这张有序的表。",
        f"The vocabulary has {len(vocab)} entries, the corpus {tokens} tokens. This ordered list is what is saved.",
    )
    if len(merges) < wanted:
        note = Text(
            f"学到第 {len(merges)} 次就没有相邻对了：每个词都已是一整块，余下的 {wanted - len(merges)} 次不再进行。"
            + note.zh,
            f"After {len(merges)} merges no pair is left: every word is one piece, and the other "
            f"{wanted - len(merges)} are not made. " + note.en,
        )
    rows = [
        (str(number), visible(left), visible(right), visible(left + right), str(count))
        for number, ((left, right), count) in enumerate(zip(merges, counts, strict=True), start=1)
    ]
    columns = (same("#"), Text("左", "left"), Text("右", "right"), Text("合成", "piece"), Text("次数", "count"))
    return Step(Text("学到的合并", "The merges learnt"), (Table(columns, tuple(rows)),), note, progress)


def _to_encode(pieces: Sequence[str], vocab: Mapping[str, int]) -> Step:
    return Step(
        Text("编码：先拆成字符", "Encode: first into characters"),
        (Tokens(tuple(_token(piece, vocab) for piece in pieces)),),
        Text(
            "训练时的次数不再用到，只看合并学到的先后。",
            "The counts of the training play no part any more, only the order in which the merges were learnt.",
        ),
        progress=0.9,
    )


def _replayed(before: Sequence[str], after: Sequence[str], pair: Pair, rank: int, vocab: Mapping[str, int]) -> Step:
    return Step(
        Text(f"编码：用第 {rank + 1} 次合并", f"Encode: replay merge {rank + 1}"),
        (
            Tokens(_marked(before, pair, "chosen", vocab), Text("合并前", "before")),
            Tokens(_marked(after, ("".join(pair),), "new", vocab), Text("合并后", "after")),
        ),
        Text(
            f"词里相邻的对中，{_plus(pair)} 学得最早（第 {rank + 1} 次），所以先合并它。",
            f"Of the pairs in the word, {_plus(pair)} was learnt earliest (merge {rank + 1}), so it is joined first.",
        ),
        progress=0.95,
    )


def _encoded(word: str, pieces: Sequence[str], vocab: Mapping[str, int]) -> Step:
    unknown = [visible(piece) for piece in dict.fromkeys(pieces) if piece not in vocab]
    note = Text(
        f"{visible(word)} 编码成 {len(pieces)} 个词元。再没有学过的对可以合并。",
        f"{visible(word)} becomes {len(pieces)} token{'s' * (len(pieces) != 1)}. No learnt pair is left in it.",
    )
    if unknown:
        note = Text(
            note.zh + f"语料里没有出现过 {'、'.join(unknown)}，词表里没有编号给它。",
            note.en + f" The corpus never held {', '.join(unknown)}: the vocabulary has no id for that.",
        )
    tokens = Tokens(tuple(_token(piece, vocab, "kept") for piece in pieces))
    return Step(Text("编码结果", "The encoding"), (tokens,), note, progress=1.0)


def _words(bpe: Bpe, changed: Sequence[int] = (), run: Sequence[str] = (), mark: str = "") -> Tokens:
    """The words, each followed by its count, and in them each `run` of pieces marked.

    A large corpus is shown by the first words among `changed`, where there are any.
    """
    total = len(bpe.words)
    shown = (changed if changed and total > SHOWN_WORDS else range(total))[:SHOWN_WORDS]
    items: list[TokenItem] = []
    for index in shown:
        items += _marked(bpe.words[index], run, mark)
        items.append(TokenItem(f"×{bpe.counts[index]}", mark="muted"))
    label = Text("语料里的词，和各自的次数", "The words of the corpus, each with its count")
    if len(shown) < total:
        label = Text(f"语料共 {total} 个词，这里是其中 {len(shown)} 个", f"{len(shown)} of the corpus's {total} words")
    return Tokens(tuple(items), label)


def _marked(
    pieces: Sequence[str], run: Sequence[str], mark: str, vocab: Mapping[str, int] | None = None
) -> tuple[TokenItem, ...]:
    """`pieces` as tokens, each `run` in them marked; of a long word the stretch around the first."""
    hit: list[int] = []
    for at in range(len(pieces) - len(run) + 1 if run else 0):
        if hit and at > hit[0] + SHOWN_PIECES:
            break
        # "aaa" holds (a, a) twice and joins it once: only what is joined is marked.
        if at > (hit[-1] if hit else -1) and tuple(pieces[at : at + len(run)]) == tuple(run):
            hit += range(at, at + len(run))
    first = max(0, (hit[0] if hit else 0) - SHOWN_PIECES // 2)
    last = min(len(pieces), first + SHOWN_PIECES)
    more, marked = TokenItem("...", mark="muted"), set(hit)
    return (
        *([more] if first else []),
        *(_token(pieces[at], vocab or {}, mark if at in marked else "") for at in range(first, last)),
        *([more] if last < len(pieces) else []),
    )


def _token(piece: str, vocab: Mapping[str, int], mark: str = "") -> TokenItem:
    """`piece` with its id where there is a vocabulary; one that is missing from it is marked bad."""
    return TokenItem(visible(piece), vocab.get(piece), "bad" if vocab and piece not in vocab else mark)


def _bars(bpe: Bpe, pair: Pair) -> Bars:
    """The chosen pair, then the next most frequent."""
    others = heapq.nsmallest(SHOWN_PAIRS, bpe.pairs.items(), key=lambda item: (item[0] != pair, -item[1], item[0]))
    items = tuple(Bar(_plus(other), float(count), "chosen" if other == pair else "") for other, count in others)
    label = Text(
        f"最常见的相邻对（共 {len(bpe.pairs)} 对）", f"The most frequent neighbours (of {len(bpe.pairs)} pairs)"
    )
    return Bars(items, label, high=float(bpe.pairs[pair]))


def _plus(pair: Pair) -> str:
    return " + ".join(map(visible, pair))
