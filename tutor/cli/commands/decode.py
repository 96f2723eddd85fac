"""`qwtutor decode`: let the model write on, with a chosen strategy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from tutor.cli import opening, output
from tutor.cli.commands.inference import candidates_data
from tutor.cli.group import command
from tutor.cli.options import Amount, OneOf, Words, json_option, lang_option, model_option
from tutor.domain.language import tr
from tutor.domain.model import Beam, BeamCandidate, BeamStep, DecodeStep, Strategy
from tutor.domain.plaintext import visible

STRATEGIES = ("greedy", "sample", "beam")


@command(
    "decode",
    tr("Let the model write on from a prompt. `-` reads standard input."),
    "qwtutor decode --strategy greedy --max-tokens 12 'Once upon a time'",
    "qwtutor decode --strategy sample --top-p 0.9 --seed 7 --json 'Once upon'",
    "qwtutor decode --strategy beam --width 4 'The cat is called'",
)
@click.argument("prompt", type=Words())
@click.option("--strategy", type=OneOf(STRATEGIES), default="greedy", help=", ".join(STRATEGIES))
@click.option("--width", type=Amount(int, 1, 16), default=4, help=tr("Beams kept at each step."))
@click.option(
    "--length-penalty", type=Amount(float, -10, 10), default=0.0, help=tr("Score of a beam: logprob / length^penalty.")
)
@click.option(
    "--temperature", type=Amount(float, 0, 100), default=1.0, help=tr("Logits are divided by it; 0 is greedy.")
)
@click.option("--top-k", type=Amount(int, 0), default=0, help=tr("Keep the k most likely; 0 is off."))
@click.option(
    "--typical-p", type=Amount(float, 0, 1), default=1.0, help=tr("Keep what surprises as usual, up to p; 1 is off.")
)
@click.option(
    "--top-p", type=Amount(float, 0, 1), default=1.0, help=tr("Keep the fewest whose probability reaches p; 1 is off.")
)
@click.option(
    "--min-p", type=Amount(float, 0, 1), default=0.0, help=tr("Keep what reaches p times the best; 0 is off.")
)
@click.option(
    "--repeat-penalty", type=Amount(float, 0.01, 100), default=1.0, help=tr("Make seen tokens less likely; 1 is off.")
)
@click.option("--seed", type=Amount(int, 0, 2**63 - 1), default=0, help=tr("The same seed gives the same text."))
@click.option("--max-tokens", type=Amount(int, 1, 4096), default=24, help=tr("Stop after so many tokens."))
@click.option("--ignore-eos", is_flag=True, help=tr("Go on where the model would end."))
@click.option("--top", type=Amount(int, 0, 100), default=10, help=tr("Candidates reported for each token."))
@model_option
@json_option
@lang_option
def decode(*, prompt: str, max_tokens: int, ignore_eos: bool, top: int, as_json: bool, **settings: object) -> None:
    chosen = Strategy(kind=str(settings.pop("strategy")), **settings)  # type: ignore[arg-type]
    with opening.model() as model:
        model.info()  # loaded now: `seconds` are those of decoding
        started = time.perf_counter()
        if chosen.kind == "beam":
            search = model.beam(
                prompt,
                width=chosen.width,
                length_penalty=chosen.length_penalty,
                max_tokens=max_tokens,
                top=top,
                ignore_eos=ignore_eos,
            )
            print_beams(list(search), started, as_json=as_json)
            return
        steps = model.decode(prompt, chosen, max_tokens=max_tokens, top=top, ignore_eos=ignore_eos)
        if as_json:
            print_document(list(steps), started)
        else:
            print_stream(steps)


def print_stream(steps: Iterator[DecodeStep]) -> None:
    """The text as it comes."""
    for step in steps:
        output.prompt(step.text)
    output.line()


def print_document(steps: list[DecodeStep], started: float) -> None:
    seconds = time.perf_counter() - started
    output.document(
        {
            "text": "".join(step.text for step in steps),
            "ids": [step.id for step in steps],
            "tokens": [
                {"id": step.id, "text": step.text, "logprob": step.logprob, "top": candidates_data(step.top)}
                for step in steps
            ],
            "seconds": seconds,
        }
    )


def print_beams(steps: list[BeamStep], started: float, *, as_json: bool) -> None:
    seconds = time.perf_counter() - started
    beams = steps[-1].beams
    if as_json:
        output.document(
            {
                "beams": [beam_data(beam) for beam in beams],
                "steps": [
                    {
                        "kept": candidates_of(step.kept),
                        "finished": candidates_of(step.finished),
                        "pruned": candidates_of(step.pruned),
                    }
                    for step in steps
                ],
                "seconds": seconds,
            }
        )
        return
    for beam in beams:
        ended = tr("finished") if beam.finished else tr("cut off")
        output.line(f"{beam.score:10.4f}  {beam.logprob:10.4f}  {len(beam.ids):4}  {ended}  {visible(beam.text)}")
    output.line(tr("Columns: score, log-probability (nats), tokens, whether the model ended it, text."))


def beam_data(beam: Beam) -> dict[str, Any]:
    return {
        "text": beam.text,
        "ids": beam.ids,
        "logprob": beam.logprob,
        "score": beam.score,
        "finished": beam.finished,
    }


def candidates_of(candidates: tuple[BeamCandidate, ...]) -> list[dict[str, Any]]:
    """`total` is the log-probability of the whole text, `logprob` the token's, `parent` its place in the last `kept`."""
    names = ("parent", "id", "text", "logprob", "total", "score")
    return [{name: getattr(each, name) for name in names} for each in candidates]
