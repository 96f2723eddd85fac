"""What a loaded model can be asked, wherever it runs. `runtime` speaks it to the worker process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TokenPiece:
    """A token of a text: `data` its bytes, `start`/`end` the half-open range of characters it touches."""

    id: int
    text: str
    data: bytes
    start: int
    end: int
    special: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that might come next. `logprob` in nats; `kept` says whether the strategy left it in.

    `logprob` is the model's own; `probability` is what the strategy draws from (0.0 where it was cut).
    """

    id: int
    text: str
    logprob: float
    kept: bool = True
    probability: float = 0.0


@dataclass(frozen=True, slots=True)
class Distribution:
    """The next-token distribution: `ids` the prompt's tokens, `top` best first, `entropy` in nats."""

    ids: tuple[int, ...]
    top: tuple[Candidate, ...]
    entropy: float


@dataclass(frozen=True, slots=True)
class Score:
    """`nll[i]` is the surprise of token i+1 in nats; perplexity is e to their mean."""

    ids: tuple[int, ...]
    nll: tuple[float, ...]
    mean_nll: float
    perplexity: float


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to decode. Filters act in this order: repeat_penalty, temperature, top_k, top_p, min_p; 0 or 1 is off."""

    kind: str = "greedy"  # greedy, sample, beam
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    seed: int = 0
    width: int = 4
    length_penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What one filter did: how many candidates and how much probability it left and cut."""

    name: str
    kept: int
    cut: int
    mass_cut: float


@dataclass(frozen=True, slots=True)
class DecodeStep:
    """One token decoded. `text` is what this token completes (bytes wait until a character is whole).

    `draw` is the random number in [0, 1) that chose it, None for greedy. `entropy` (nats) is the model's own.
    `stages` in the order they acted. `finished` says the model ended here.
    """

    id: int
    text: str
    data: bytes
    logprob: float
    top: tuple[Candidate, ...]
    entropy: float
    draw: float | None = None
    stages: tuple[Stage, ...] = ()
    finished: bool = False


@dataclass(frozen=True, slots=True)
class BeamCandidate:
    """A beam of the step before, `parent`, one token longer. `text` and `data` are the token's label and bytes.

    `logprob` is the token's own, `total` that of all tokens generated so far (nats); `score` is
    total / length**length_penalty, where length counts them.
    """

    parent: int
    id: int
    text: str
    data: bytes
    logprob: float
    total: float
    score: float


@dataclass(frozen=True, slots=True)
class Beam:
    """A text that beam search found. `finished` says that its last token ended it; `ids` holds that token too."""

    text: str
    ids: tuple[int, ...]
    logprob: float
    score: float
    finished: bool


@dataclass(frozen=True, slots=True)
class BeamStep:
    """One token more for every beam: the candidates looked at, each list best first.

    The place of a candidate in `kept` is the `parent` that the next step names; in the first step it is 0, the
    prompt. `finished` ended here and left the beam. The last step, and no other, has the result: `beams`, best first.
    """

    kept: tuple[BeamCandidate, ...]
    finished: tuple[BeamCandidate, ...]
    pruned: tuple[BeamCandidate, ...]
    beams: tuple[Beam, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Counts are of tokens, layers, heads, parameters; `bytes` of the file; `threads` used to decode."""

    name: str
    path: str
    architecture: str
    parameters: int
    layers: int
    heads: int
    kv_heads: int
    width: int
    vocabulary: int
    context: int
    bytes: int
    threads: int
    backend: str
    chat_template: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class Model(Protocol):
    """A model that answers. Every call may raise ModelFailed or Cancelled; a stream is cancelled by closing it."""

    def info(self) -> ModelInfo: ...

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        """`special` reads `<|im_start|>` and the like as tokens; typed text never makes them otherwise."""
        ...

    def detokenize(self, ids: list[int]) -> bytes: ...

    def next(self, prompt: str, *, top: int = 10) -> Distribution: ...

    def score(self, text: str) -> Score: ...

    def decode(
        self, prompt: str, strategy: Strategy, *, max_tokens: int = 24, top: int = 10, ignore_eos: bool = False
    ) -> Iterator[DecodeStep]: ...

    def beam(
        self,
        prompt: str,
        *,
        width: int = 4,
        length_penalty: float = 0.0,
        max_tokens: int = 24,
        top: int = 0,
        ignore_eos: bool = False,
    ) -> Iterator[BeamStep]:
        """Beam search; at least `top` candidates of each beam are reported."""
        ...
