"""Commands that are imported only when used, that show an example in their help, and that speak two languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

import click
import click.core
import click.decorators
import click.exceptions
import click.formatting
import click.parser
import click.types

from tutor.domain.language import both, language, tr


def translate_click() -> None:
    """Give click's own sentences our Chinese.

    click asks gettext for them under the name `_`; a compiled gettext catalogue for these few would be a second way
    to translate. A sentence that a later click words anew appears in English.
    """
    if language() == "en":
        return
    chinese = _click_sentences()
    for module in (click.core, click.decorators, click.exceptions, click.formatting, click.parser, click.types):
        module._ = lambda sentence: chinese.get(sentence, sentence)  # type: ignore[attr-defined]
        module.ngettext = lambda one, many, count: chinese.get(one, one)  # type: ignore[attr-defined]
    click.formatting.wrap_text = _wrap_chinese  # click breaks lines at spaces alone


def _wrap_chinese(
    text: str,
    width: int = 78,
    initial_indent: str = "",
    subsequent_indent: str = "",
    preserve_paragraphs: bool = False,
) -> str:
    """What click's own `wrap_text` does, by cells and between Han characters. Help here has no paragraphs."""
    from rich.text import Text

    from tutor.ui.draw.wrap import wrap

    lines = wrap(Text(" ".join(text.split())), width - len(subsequent_indent))
    return "\n".join(
        (subsequent_indent if number else initial_indent) + line.plain for number, line in enumerate(lines)
    )


def _click_sentences() -> dict[str, str]:
    # click fills these places itself.
    places = {name: f"{{{name}}}" for name in ("args", "message", "name", "param_hint", "possibility")}
    texts = (
        both("Usage:"),
        both("Options"),
        both("Commands"),
        both("Show this message and exit."),
        both("Show the version and exit."),
        both("Missing argument"),
        both("Missing option"),
        both("No such option {name!r}."),
        both("No such command {name!r}."),
        both("Did you mean {possibility}?", **places),
        both("Invalid value for {param_hint}: {message}", **places),
        both("Option {name!r} does not take a value."),
        both("Option {name!r} requires an argument."),
        both("Got unexpected extra argument ({args})", **places),
        both("{name} {filename!r} does not exist.", **places),
        both("{name} {filename!r} is a file.", **places),
        both("{name} {filename!r} is a directory.", **places),
        both("{name} {filename!r} is not readable.", **places),
        both("file"),
        both("directory"),
    )
    return {text.en: text.zh for text in texts}


class Command(click.Command):
    """A command with examples at the end of its help."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def get_short_help_str(self, limit: int = 45) -> str:
        return first_sentence(self.help or "")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


class Group(click.Group):
    """A group whose commands live in `modules`: name -> module below `tutor.cli.commands`, imported when asked for."""

    command_class = Command

    def __init__(
        self, *args: Any, modules: Mapping[str, str] | None = None, examples: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules or {}
        self.examples = examples

    def get_short_help_str(self, limit: int = 45) -> str:
        return first_sentence(self.help or "")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.modules, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"tutor.cli.commands.{self.modules[cmd_name]}")
        return cast(click.Command, getattr(module, cmd_name.replace("-", "_")))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # click looks for close names among the commands it has loaded, and here none is.
            known = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=known, ctx=ctx) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, formatter)


def first_sentence(text: str) -> str:
    """What a command does, in either language, without what follows on how."""
    return re.split(r"(?<=[.。])(?:\s|$|(?<=。))", text, maxsplit=1)[0].rstrip(".。:：")


def write_examples(examples: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section(tr("Examples") if len(examples) > 1 else tr("Example")):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


Decorator = Callable[[Callable[..., Any]], Command]


def command(name: str, about: str, *examples: str) -> Decorator:
    """A command called `name`, explained by `about` (already in the reader's language)."""
    return click.command(name, cls=Command, help=about, examples=examples)
