"""Several strategies from one prompt, a token each at every step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from tutor.decoding.distribution import Logits
from tutor.decoding.steps import Labels, Writer
from tutor.domain.model import DecodeStep, Strategy


class Texts(Protocol):
    """A model that keeps several texts at once. It remembers those of its last call."""

    def start(self, prompt: Sequence[int]) -> Logits:
        """The logits (n_vocab,) after `prompt`, which is now text 0. They need to hold only until the next call."""
        ...

    def extend(self, extensions: Sequence[tuple[int, int]]) -> Sequence[Logits]:
        """Make the texts anew: text i is the former text `parent` and a token, where extensions[i] is (parent, token).

        The logits (n_vocab,) after each.
        """
        ...


def lockstep(
    texts: Texts,
    vocabulary: Labels,
    prompt: Sequence[int],
    strategies: Sequence[Strategy],
    *,
    max_tokens: int = 24,
    top: int = 10,
    ignore_eos: bool = False,
) -> Iterator[tuple[DecodeStep | None, ...]]:
    """Up to `max_tokens` rounds of a step for each of `strategies`, None for one whose text has ended.

    Each writes what `tutor.decoding.steps.decode` writes with it, as far as `texts` computes a text's logits alike
    alone and beside others. Raises UsageError at once where a parameter is out of bounds.
    """
    writers = [Writer(vocabulary, prompt, strategy, top=top, ignore_eos=ignore_eos) for strategy in strategies]
    return _rounds(texts, writers, prompt, max_tokens)


def _rounds(
    texts: Texts, writers: Sequence[Writer], prompt: Sequence[int], max_tokens: int
) -> Iterator[tuple[DecodeStep | None, ...]]:
    writing = list(range(len(writers)))
    extensions: list[tuple[int, int]] = []
    for n in range(max_tokens):
        rows = texts.extend(extensions) if n else [texts.start(prompt)] * len(writers)
        steps = {i: writers[i].write(logits) for i, logits in zip(writing, rows, strict=True)}
        yield tuple(steps.get(i) for i in range(len(writers)))
        going_on = [place for place, i in enumerate(writing) if not steps[i].finished]
        if not going_on:
            return
        # After the prompt, which is one text, each is the child of its own.
        extensions = [(place if n else 0, steps[writing[place]].id) for place in going_on]
        writing = [writing[place] for place in going_on]
