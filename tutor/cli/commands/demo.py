"""`qwtutor demo`: run a lesson's computation and print its steps."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import json_option, lang_option, model_option, plain_option
from tutor.domain.demo import Demo, Step
from tutor.domain.errors import UsageError
from tutor.domain.frames import to_json
from tutor.domain.language import tr


def complete_demo(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from tutor.demos import registry

    return [CompletionItem(name) for name in registry.names() if name.startswith(incomplete)]


@command(
    "demo",
    tr("Run a demo and print its steps. Without a name: list the demos and their parameters."),
    "qwtutor demo tokenizer --set merges=5 --json",
    "qwtutor demo tokenizer --set 'corpus=low low lower'",
)
@click.argument("name", required=False, shell_complete=complete_demo)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help=tr("Set a parameter; lists as JSON."))
@model_option
@plain_option
@json_option
@lang_option
def demo(*, name: str | None, given: tuple[str, ...], as_json: bool) -> None:
    from tutor.demos import registry

    if name is None:
        list_demos(as_json=as_json)
        return
    demo = registry.load(name)
    params = registry.prepare(demo, read_settings(given))
    if demo.NEEDS_MODEL:
        with opening.model() as model:
            steps, result = registry.run(name, params, model)
    else:
        steps, result = registry.run(name, params)
    if as_json:
        output.document(demo_data(name, params, steps, result))
    else:
        print_steps(demo, steps)


def read_settings(given: tuple[str, ...]) -> dict[str, str]:
    settings = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError("--set wants NAME=VALUE, not {word}.", word=word)
        settings[name.strip()] = value
    return settings


def demo_data(name: str, params: dict[str, Any], steps: list[Step], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "demo": name,
        "params": to_json(params),
        "steps": [{key: to_json(getattr(step, key)) for key in ("title", "frames", "note")} for step in steps],
        "result": to_json(result),
    }


def print_steps(demo: Demo, steps: list[Step]) -> None:
    output.line(str(demo.TITLE))
    for number, step in enumerate(steps, 1):
        output.line()
        output.line(tr("Step {number} of {count}: {title}", number=number, count=len(steps), title=step.title))
        print_step(step)


def print_step(step: Step, *, plain: bool = False) -> None:
    """A step's pictures and its note."""
    from tutor.ui.draw.frames import draw

    for frame in step.frames:
        output.drawn(draw(frame, output.width()), plain=plain)
    if step.note:
        output.line(str(step.note))


def list_demos(*, as_json: bool) -> None:
    from tutor.demos import registry

    demos = {name: registry.load(name) for name in registry.names()}
    if as_json:
        output.document(
            [
                {"demo": name, "title": to_json(demo.TITLE), "needs_model": demo.NEEDS_MODEL, "params": to_json(demo.PARAMS)}
                for name, demo in demos.items()
            ]
        )
        return
    for name, demo in demos.items():
        output.line(f"{name}: {demo.TITLE}" + (" " + tr("(needs a model)") if demo.NEEDS_MODEL else ""))
        for param in demo.PARAMS:
            output.line(f"    --set {param.name}=…  {param.help}")
