"""Beam search as a generator of steps over any model that keeps several texts at once.

At every step each beam is extended by every token. The best `width` of all these extensions survive: those whose
token ends the text are finished and leave the beam, the others are the beams of the next step (Sutskever et al.
2014, section 3.2). In detail:

- A text's log-probability is the sum of log p(token | what came before) over the generated tokens, the end token
  among them, in float64; each log p is logit - log Σ exp(logit), the sum taken in the precision of the logits.
- All extensions of one step have the same length, so they are ranked by that sum; ties by token id, then by the
  order of the beams. Impossible tokens (logit -∞) are no extensions.
- A text's score is logprob / length**length_penalty, length in generated tokens. 0 ranks by probability, 1 by the
  mean per token; a negative penalty favours short texts further.
- The search ends when no beam is left, after `max_tokens` steps, or when `width` texts have finished and no live one
  can come to score more than the worst of the best `width` of these: a log-probability only falls, so with a
  positive penalty the most that a beam with log-probability L may reach is L / max_tokens**length_penalty, else it
  is what it scores now. Going on could change nothing.
- The result is the best `width` of all finished texts and of those still live at the end, by score; ties finished
  ones first, then by their ids.

With a width of 1 this is greedy decoding, whatever the penalty.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tutor.decoding.distribution import Logits, largest, log_sum
from tutor.decoding.strategy import check
from tutor.domain.model import Beam, BeamCandidate, BeamStep


class BeamModel(Protocol):
    """What beam search needs of a model: it remembers the beams of its last call, and evaluates each token once."""

    def start(self, prompt: Sequence[int]) -> Logits:
        """The logits (n_vocab,) after `prompt`, which is now beam 0. They need to hold only until the next call."""
        ...

    def extend(self, extensions: Sequence[tuple[int, int]]) -> Sequence[Logits]:
        """Make the beams anew: beam i is the former beam `parent` and a token, where extensions[i] is (parent, token).

        The logits (n_vocab,) after each. Former beams that are nobody's parent are forgotten.
        """
        ...

    def piece(self, id: int) -> bytes:
        """The bytes that a token adds to the text: none for a control token."""
        ...

    def label(self, id: int) -> str:
        """A token as a list shows it, control tokens by their names."""
        ...

    def ends(self, id: int, beam: int) -> bool:
        """Whether a token means that the model has finished, after what `beam` says."""
        ...


@dataclass(frozen=True, slots=True)
class _Text:
    """What a beam has generated."""

    ids: tuple[int, ...] = ()
    data: bytes = b""
    logprob: float = 0.0

    def extended(self, by: BeamCandidate) -> _Text:
        return _Text((*self.ids, by.id), self.data + by.data, by.total)


def beam(
    model: BeamModel,
    prompt: Sequence[int],
    *,
    width: int = 4,
    length_penalty: float = 0.0,
    max_tokens: int = 24,
    top: int = 0,
    ignore_eos: bool = False,
) -> Iterator[BeamStep]:
    """Up to `max_tokens` steps (1 or more) after `prompt`; a step is computed only when it is asked for.

    Of each beam the best `width` extensions are looked at, `top` where that is more. With `ignore_eos` no token
    ends a text. Raises UsageError at once where a parameter is out of bounds.
    """
    check("width", width)
    check("length_penalty", length_penalty)
    return _Search(model, width, length_penalty, max_tokens, max(width, top), ignore_eos).steps(prompt)


@dataclass(frozen=True, slots=True)
class _Search:
    model: BeamModel
    width: int
    length_penalty: float
    max_tokens: int
    looked_at: int
    ignore_eos: bool

    def steps(self, prompt: Sequence[int]) -> Iterator[BeamStep]:
        live = [_Text()]
        finished: list[Beam] = []
        rows: Sequence[Logits] = [self.model.start(prompt)]
        for length in range(1, self.max_tokens + 1):
            ranked = self._ranked(rows, live, length)
            ended, kept = self._survivors(ranked[: self.width])
            finished += [self._result(live[c.parent].extended(c), c.score, finished=True) for c in ended]
            live = [live[c.parent].extended(c) for c in kept]
            done = not kept or length == self.max_tokens or self._settled(finished, live[0].logprob, length)
            beams: tuple[Beam, ...] = ()
            if done:
                still_live = [self._result(text, c.score, finished=False) for text, c in zip(live, kept, strict=True)]
                beams = self._best(finished + still_live)
            yield BeamStep(tuple(kept), tuple(ended), tuple(ranked[self.width :]), beams)
            if done:
                return
            rows = self.model.extend([(c.parent, c.id) for c in kept])

    def _ranked(self, rows: Sequence[Logits], live: Sequence[_Text], length: int) -> list[BeamCandidate]:
        """The extensions looked at, best first. The best `width` of all are among the best `width` of each beam."""
        divisor = self._divisor(length)
        found = []
        for parent, (logits, text) in enumerate(zip(rows, live, strict=True)):
            log_total = log_sum(logits)
            for id in largest(logits, self.looked_at).tolist():
                # Rounding may put a certain token's a hair above 0.
                logprob = min(0.0, float(logits[id]) - log_total)
                total = text.logprob + logprob
                if total > float("-inf"):
                    label, data = self.model.label(id), self.model.piece(id)
                    found.append(BeamCandidate(parent, id, label, data, logprob, total, total / divisor))
        return sorted(found, key=lambda c: (-c.total, c.id, c.parent))

    def _survivors(self, best: Sequence[BeamCandidate]) -> tuple[list[BeamCandidate], list[BeamCandidate]]:
        """Those that end here, and those that go on."""
        ended: list[BeamCandidate] = []
        kept: list[BeamCandidate] = []
        for each in best:
            ends = not self.ignore_eos and self.model.ends(each.id, each.parent)
            (ended if ends else kept).append(each)
        return ended, kept

    def _settled(self, finished: Sequence[Beam], best_live: float, length: int) -> bool:
        """Whether no live beam can come among the best `width` of the finished ones."""
        if len(finished) < self.width:
            return False
        reach = best_live / self._divisor(self.max_tokens if self.length_penalty > 0 else length)
        return reach <= self._best(finished)[-1].score

    def _best(self, beams: Sequence[Beam]) -> tuple[Beam, ...]:
        return tuple(sorted(beams, key=lambda b: (-b.score, not b.finished, b.ids))[: self.width])

    def _divisor(self, length: int) -> float:
        return float(length**self.length_penalty)

    def _result(self, text: _Text, score: float, *, finished: bool) -> Beam:
        return Beam(written(text.data), text.ids, text.logprob, score, finished)


def written(data: bytes) -> str:
    """The text that `data` spells, without a character that is still incomplete at its end."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data)
