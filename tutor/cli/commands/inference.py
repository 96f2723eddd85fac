"""`qwtutor next` and `qwtutor score`: what the model expects, and what surprises it."""

from __future__ import annotations

import math
from typing import Any

import click

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import Amount, Words, json_option, lang_option, model_option
from tutor.domain.language import tr
from tutor.domain.model import Candidate
from tutor.domain.plaintext import visible


def candidates_data(candidates: tuple[Candidate, ...]) -> list[dict[str, Any]]:
    return [{"id": each.id, "text": each.text, "logprob": each.logprob} for each in candidates]


@command(
    "next",
    tr("Print the tokens that the model thinks most likely to come next. `-` reads standard input."),
    "qwtutor next --top 5 'The capital of France is'",
)
@click.argument("prompt", type=Words())
@click.option("--top", type=Amount(int, 1, 1000), default=10, help=tr("How many tokens."))
@model_option
@json_option
@lang_option
def next(*, prompt: str, top: int, as_json: bool) -> None:
    with opening.model() as model:
        found = model.next(prompt, top=top)
    if as_json:
        output.document({"ids": found.ids, "top": candidates_data(found.top), "entropy": found.entropy})
        return
    for each in found.top:
        output.line(f"{math.exp(each.logprob):7.2%}  {each.logprob:8.4f}  {visible(each.text)!r}")
    output.line(tr("Entropy: {entropy} nats", entropy=f"{found.entropy:.4f}"))


@command(
    "score",
    tr("Print how much each token of a text surprises the model, in nats. `-` reads standard input."),
    "qwtutor score --json 'The cat sat on the mat.'",
)
@click.argument("text", type=Words())
@model_option
@json_option
@lang_option
def score(*, text: str, as_json: bool) -> None:
    with opening.model() as model:
        found = model.score(text)
        if as_json:
            output.document(
                {"ids": found.ids, "nll": found.nll, "mean_nll": found.mean_nll, "perplexity": found.perplexity}
            )
            return
        pieces = [visible(model.detokenize([id]).decode(errors="replace")) for id in found.ids]
    output.line(f"{'-':>9}  {pieces[0]!r}" if pieces else "")
    for nll, piece in zip(found.nll, pieces[1:], strict=True):
        output.line(f"{nll:9.4f}  {piece!r}")
    output.line(
        tr(
            "Mean: {mean} nats; perplexity: {perplexity}",
            mean=f"{found.mean_nll:.4f}",
            perplexity=f"{found.perplexity:.2f}",
        )
    )
