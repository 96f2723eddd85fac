"""`qwtutor completion`: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tutor.cli import output
from tutor.cli.group import command
from tutor.cli.options import OneOf, lang_option
from tutor.domain.language import tr

SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    tr("Print a script that completes commands, lessons and demos in your shell. The examples install it for good."),
    "qwtutor completion bash >> ~/.bashrc",
    "qwtutor completion zsh >> ~/.zshrc",
    "qwtutor completion fish > ~/.config/fish/completions/qwtutor.fish",
)
@click.argument("shell", type=OneOf(SHELLS))
@lang_option
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    script = get_completion_class(shell)
    assert script is not None
    output.raw(script(ctx.find_root().command, {}, "qwtutor", "_QWTUTOR_COMPLETE").source() + "\n")
