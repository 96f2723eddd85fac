"""`qwtutor demo`: run a lesson's computation and print its steps."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import call, json_option, lang_option, model_option, plain_option
from tutor.domain.demo import Param, Step
from tutor.domain.errors import UsageError
from tutor.domain.frames import to_json
from tutor.domain.language import language, tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    from tutor.demos.registry import DemoRun


SHOWN = 40
"""Characters of a default on a line."""


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
    from tutor.runtime.without import without_model

    if name is None:
        list_demos(as_json=as_json)
        return
    settings = read_settings(given)
    if not as_json and asks_for_a_vote(name, settings):
        from tutor.cli.plain import arena
        from tutor.cli.plain.visit import Opened

        with Opened() as visit:
            arena.sit(visit, settings)
        return
    with opening.Models() as models:
        named = registry.model_named(name, settings)
        model = models.model(named) if registry.wants_model(name, settings) else without_model()
        run = registry.DemoRun(name, settings, model)
        if as_json:
            result = run.finish()
            output.document(demo_data(name, run.params, run.steps, result))
        else:
            print_steps(run)


def asks_for_a_vote(name: str, settings: dict[str, str]) -> bool:
    """Whether the demo has two answers compared, and somebody is there to do so."""
    from tutor.demos import registry
    from tutor.domain.labs import lab_of

    found = lab_of(name)
    if found is None or found.name != "arena" or "votes" in settings or not registry.wants_model(name, settings):
        return False
    return call().plain or (sys.stdin.isatty() and sys.stdout.isatty())


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


def print_steps(run: DemoRun) -> None:
    """Each step as soon as it is computed."""
    from tutor.ui.draw.frames import draw_step

    output.line(str(run.demo.TITLE))
    number = 0
    while (step := run.step(number)) is not None:
        number += 1
        output.line()
        output.line(tr("Step {number}", number=number))
        output.drawn(draw_step(step, output.width(), output.palette(), language()))


def list_demos(*, as_json: bool) -> None:
    from tutor.demos import registry

    demos = {name: registry.load(name) for name in registry.names()}
    if as_json:
        output.document(
            [
                {
                    "demo": name,
                    "title": to_json(demo.TITLE),
                    "needs_model": demo.NEEDS_MODEL,
                    "params": to_json(demo.PARAMS),
                }
                for name, demo in demos.items()
            ]
        )
        return
    for name, demo in demos.items():
        output.line(f"{name}: {demo.TITLE}" + (" " + tr("(needs a model)") if demo.NEEDS_MODEL else ""))
        for param in demo.PARAMS:
            output.line(f"    --set {param.name}={shown_default(param)}  {param.help}")


def shown_default(param: Param) -> str:
    """What a parameter is unless it is set, as it may be typed, on one line and short."""
    value = param.default if isinstance(param.default, str) else json.dumps(param.default, ensure_ascii=False)
    text = shlex.quote(visible(value))
    return text if len(text) <= SHOWN else "…"
