"""What stands beside a search: other ways to write on from the same prompt, and whether the prompt can be typed."""

from __future__ import annotations

from dataclasses import replace

from tutor.decoding.runs import DRAWN, GREEDY, Prompt
from tutor.domain.model import DecodeStep, Model


def is_typed(model: Model, prompt: Prompt, name: str) -> Prompt:
    """`prompt` with the name of the model that reads it, and whether its text alone gives its ids."""
    # A model that was not trained with a begin-of-text token is given none.
    readings = [tuple(piece.id for piece in model.tokenize(prompt.text, bos=bos)) for bos in (False, True)]
    return replace(prompt, model=name, typed=prompt.ids in readings)


def companions(model: Model, prompt: Prompt, max_tokens: int) -> tuple[list[DecodeStep], list[DecodeStep]]:
    """What the model writes greedily, and what it writes when it draws from all that it says."""
    steps = list(model.lockstep(prompt.ids, (GREEDY, DRAWN), max_tokens=max_tokens, top=1))
    greedy, drawn = ([row[i] for row in steps] for i in range(2))
    return [each for each in greedy if each], [each for each in drawn if each]
