"""What can be done where no model is loaded: cutting a text with the tokenizers that ship."""

from __future__ import annotations

from typing import cast

from tutor.domain.model import Model, TokenPiece
from tutor.runtime import tokenizers


class _Without:
    def cut(self, tokenizer: str, text: str) -> tuple[TokenPiece, ...]:
        return tokenizers.tokenize(tokenizer, text)


def without_model() -> Model:
    """For demos that need no model with the parameters given; it has `cut` alone."""
    return cast(Model, _Without())
