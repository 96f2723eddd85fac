"""The right answer of a question that is computed when asked: a demo's own result, or a tokenizer's own cuts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tutor.demos import registry
from tutor.domain.errors import TutorError
from tutor.domain.model import Model
from tutor.domain.quiz import Predict, Question, Spans
from tutor.runtime.without import without_model


def expected(question: Question, model: Callable[..., Model]) -> Any:
    """What `grade` compares an answer with; None for kinds that carry their answer.

    `model` is called only where the demo or tokenizer needs one, with the name or path of the model where that is
    not the one in use; it may raise ModelMissing.
    """
    if isinstance(question, Predict):
        return predicted(question, model)
    if isinstance(question, Spans):
        from tutor.runtime.tokenizers import tokenize

        needed = model() if question.tokenizer == "model" else None
        return tokenize(question.tokenizer, question.text, needed)
    return None


def predicted(question: Predict, model: Callable[..., Model]) -> Any:
    """`field` of the result of the question's demo, run with its parameters."""
    needed = without_model()
    if registry.wants_model(question.demo, question.set):
        named = registry.model_named(question.demo, question.set)
        needed = model(named) if named else model()
    _, result = registry.run(question.demo, question.set, needed)
    return field_of(result, question.field)


def field_of(result: Any, path: str) -> Any:
    """The value at `path` ("merges[0]", "layers[2].top[0]") of a demo's result. Raises TutorError."""
    value = result
    for name, index in re.findall(r"([^.\[\]]+)|\[(-?\d+)\]", path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            raise TutorError("The demo's result has no {path}.", path=path) from None
    return value
