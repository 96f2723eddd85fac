"""Tools over tokens: how a text is cut, and what the model would say next."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from tutor.agent.tools.signature import Bounds, shown
from tutor.agent.tools.workbench import Observation, Workbench
from tutor.domain.errors import ModelMissing
from tutor.domain.language import both
from tutor.domain.model import TokenPiece
from tutor.domain.plaintext import visible
from tutor.runtime import tokenizers

Tokenizer = Literal["model", "cl100k_base", "o200k_base", "qwen", "spm-bpe", "spm-unigram"]

SHOWN_TOKENS = 24


def tokenize(
    at: Workbench,
    text: Annotated[str, "The text to cut", Bounds(1, 4000)],
    tokenizer: Annotated[
        Tokenizer, "model: the loaded model's own; cl100k_base: GPT-4; o200k_base: GPT-4o; qwen: Qwen"
    ] = "model",
) -> Observation:
    """Count and show the tokens of a text."""
    model = at.opened() if tokenizer == "model" else None
    # Without a model: the vocabulary of the one that would be fetched.
    used = "qwen" if tokenizer == "model" and model is None else tokenizer
    pieces = tokenizers.tokenize(used, text, model)
    name = model.info().name if model is not None else used
    said = both(
        "Tokens of “{text}” with the tokenizer {name}: {tokens}. Characters: {characters}; bytes in UTF-8: {bytes}. "
        "The tokens with their ids: {list}",
        text=shown(text),
        tokens=len(pieces),
        name=visible(name),
        characters=len(text),
        bytes=len(text.encode()),
        list=_listed(pieces),
    )
    tokens = [{"id": piece.id, "text": visible(piece.text)} for piece in pieces[:SHOWN_TOKENS]]
    return Observation(at.say(said), {"tokenizer": used, "count": len(pieces), "tokens": tokens})


def _listed(pieces: tuple[TokenPiece, ...]) -> str:
    shown_ones = ", ".join(f"{_label(piece)} ({piece.id})" for piece in pieces[:SHOWN_TOKENS])
    return shown_ones + (", ..." if len(pieces) > SHOWN_TOKENS else "")


def _label(piece: TokenPiece) -> str:
    """A token's text in quotes; its bytes in hex where they are no whole characters."""
    try:
        return f"“{visible(piece.data.decode())}”"
    except UnicodeDecodeError:
        return f"<{piece.data.hex(' ')}>"


def next_tokens(
    at: Workbench,
    prompt: Annotated[str, "The text to go on from", Bounds(1, 4000)],
    top: Annotated[int, "How many candidates", Bounds(1, 20)] = 5,
) -> Observation:
    """What the loaded model would say next: the most likely tokens with their probabilities."""
    model = at.opened()
    if model is None:
        raise ModelMissing(
            "No model is there to say what comes next.", hint="`qwtutor models pull` fetches the default one."
        )
    at.ends_with(getattr(model, "cancel", None))
    found = model.next(prompt, top=top)
    likely = [{"text": visible(each.text), "probability": round(math.exp(each.logprob), 4)} for each in found.top]
    said = both(
        "After “{prompt}” the model {name} finds most likely: {list}. Entropy {entropy} nats.",
        prompt=shown(prompt),
        name=visible(model.info().name),
        list=", ".join(f"“{each['text']}” {each['probability']:.1%}" for each in likely),
        entropy=f"{found.entropy:.2f}",
    )
    return Observation(at.say(said), {"top": likely, "entropy": round(found.entropy, 4)})
