"""What a loaded model can be asked, wherever it runs. `runtime` speaks it to the worker process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tutor.domain.modelfile import ModelFile

# A prompt is a text, or the ids of its tokens where it is more than text: a conversation, a text under way.
Prompt = str | Sequence[int]


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

    `logprob` is the model's own; `probability` is what the strategy draws from (0.0 where it was cut). `data` are
    the bytes it adds to the text, none for a control token; `ends` says that it would end the text.
    """

    id: int
    text: str
    logprob: float
    kept: bool = True
    probability: float = 0.0
    data: bytes = b""
    ends: bool = False


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
    """How to decode. Filters act in this order: repeat_penalty, temperature, top_k, typical_p, top_p, min_p.

    0 or 1 is off.
    """

    kind: str = "greedy"  # greedy, sample, beam
    temperature: float = 1.0
    top_k: int = 0
    typical_p: float = 1.0
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
class Message:
    """A turn of a conversation. `role` is system, user, assistant or tool."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatPiece:
    """A token of an answer. `text` is what can be said once it is there; the texts joined are the answer.

    The conversation came to `prompt` tokens, of which `reused` were not evaluated anew. `finished` says that the
    answer ends here by itself, not because it grew too long.
    """

    text: str
    id: int
    prompt: int
    reused: int
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """How much each token of a text attends to each, in one layer.

    `weights` are float32, little-endian, of shape (heads, queries, keys): a query attends to itself and to what comes
    before it, so that what lies right of the diagonal is 0 and each row sums to 1.
    """

    tokens: tuple[TokenPiece, ...]
    layers: int
    heads: int
    layer: int
    weights: bytes


@dataclass(frozen=True, slots=True)
class LensLayer:
    """What the model would say after layer `layer` (from 0): `top` best first, the entropy (nats) of all.

    `probability` and `rank` (from 0) are those of the final answer, the last layer's most likely token.
    """

    layer: int
    top: tuple[Candidate, ...]
    entropy: float
    probability: float
    rank: int


@dataclass(frozen=True, slots=True)
class Lens:
    """The logit lens on the last token of a text; `final` is the model's own answer, and the last layer's."""

    ids: tuple[int, ...]
    layers: tuple[LensLayer, ...]
    final: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A token and its cosine with what was asked for."""

    id: int
    text: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The tokens nearest in the embedding matrix, of `shape` (vocabulary, width), nearest first.

    `plus` and `minus` are the tokens of the sum that was asked for; they are not among the `nearest`, but their own
    cosines with the sum are here. `row` has the first numbers of the sum.
    """

    shape: tuple[int, int]
    plus: tuple[Neighbour, ...]
    minus: tuple[Neighbour, ...]
    nearest: tuple[Neighbour, ...]
    row: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Counts are of tokens, layers, heads, parameters; `bytes` of the file; `threads` used to decode.

    `head_width` is the width of a key or a value in one head.
    """

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
    head_width: int = 0


class Model(Protocol):
    """A model that answers. Every call may raise ModelFailed or Cancelled; a stream is cancelled by closing it."""

    def info(self) -> ModelInfo: ...

    def file(self) -> ModelFile:
        """What the header of the model's file says. Loads nothing."""
        ...

    def tokenize(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        """`special` reads `<|im_start|>` and the like as tokens; typed text never makes them otherwise."""
        ...

    def cut(self, tokenizer: str, text: str) -> tuple[TokenPiece, ...]:
        """The tokens of `text` by a tokenizer that ships (cl100k_base, o200k_base, qwen, spm-bpe, spm-unigram) or `model`.

        Raises NotFound, UsageError.
        """
        ...

    def detokenize(self, ids: list[int]) -> bytes: ...

    def conversation(
        self, messages: Sequence[Message], *, tools: Sequence[dict[str, Any]] = ()
    ) -> tuple[TokenPiece, ...]:
        """The tokens of a conversation by the model's chat template, up to where it would answer.

        Control tokens come from the template alone, never from what the messages say.
        """
        ...

    def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        grammar: str = "",
        max_tokens: int = 300,
        strategy: Strategy = Strategy(),
        stop: Sequence[str] = (),
    ) -> Iterator[ChatPiece]:
        """The answer to `messages`, which must keep to `grammar` (GBNF, from `root`) and ends before any text of `stop`.

        What earlier conversations began with alike, above all the system message, is not evaluated again.
        """
        ...

    def next(self, prompt: Prompt, *, top: int = 10) -> Distribution: ...

    def score(self, text: str) -> Score: ...

    def look(
        self,
        ids: Sequence[int],
        strategy: Strategy,
        *,
        draw: float = 0.0,
        top: int = 40,
        also: Sequence[int] = (),
    ) -> DecodeStep:
        """The step that `strategy` would take after `ids`, where `draw` in [0, 1) is the random number that decides.

        Of `ids` only what no earlier call has evaluated is evaluated now; asked again about the same ids with another
        strategy, the model computes nothing. `top` has the best tokens, then those of `also`. `text` is the token's
        label: what it completes depends on the bytes before it, which the caller has.
        """
        ...

    def decode(
        self, prompt: Prompt, strategy: Strategy, *, max_tokens: int = 24, top: int = 10, ignore_eos: bool = False
    ) -> Iterator[DecodeStep]: ...

    def lockstep(
        self,
        prompt: Prompt,
        strategies: Sequence[Strategy],
        *,
        max_tokens: int = 24,
        top: int = 10,
        ignore_eos: bool = False,
    ) -> Iterator[tuple[DecodeStep | None, ...]]:
        """Two to four strategies from one prompt, a token each at every step; None for one that has finished.

        Each writes what `decode` would write with it. Up to three are evaluated in one batch, the prompt once.
        """
        ...

    def beam(
        self,
        prompt: Prompt,
        *,
        width: int = 4,
        length_penalty: float = 0.0,
        max_tokens: int = 24,
        top: int = 0,
        ignore_eos: bool = False,
    ) -> Iterator[BeamStep]:
        """Beam search; at least `top` candidates of each beam are reported."""
        ...

    def attention(self, prompt: Prompt, layer: int) -> Attention:
        """The attention of all heads of `layer` (from 0) over a text of at most 256 tokens."""
        ...

    def lens(self, prompt: Prompt, *, top: int = 5) -> Lens:
        """What the model would say after each layer, at the end of `prompt`, a text of at most 256 tokens."""
        ...

    def neighbours(self, plus: Sequence[str], minus: Sequence[str] = (), *, top: int = 10) -> Neighbours:
        """The tokens nearest to a sum of tokens in the embedding matrix.

        Each text must be one token of the model, as it stands or after a space, or `#` and the number of one.
        """
        ...
