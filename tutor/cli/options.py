"""What several commands share: options, and the ways a text or a number is given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from tutor.domain.errors import TutorError, UsageError
from tutor.domain.language import LANGUAGES, tr

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Call:
    """What was said before the command's name holds for the command too, unless it says otherwise."""

    course: Path | None = None
    model: str | None = None
    plain: bool = False


def call() -> Call:
    """The options of this call so far; none while a shell asks for completions."""
    context = click.get_current_context(silent=True)
    return context.ensure_object(Call) if context else Call()


class Words(click.ParamType[str]):
    """A text given as a word on the command line, or `-` for all of standard input, byte for byte UTF-8."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == "-":
            return read_stdin()
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError("{name} holds bytes that are not UTF-8 text.", name=_shown(param)) from None
        return str(value)


class Amount(click.ParamType[float]):
    """A whole or a decimal number within bounds (`None`: no bound)."""

    def __init__(self, kind: type[int] | type[float], low: float | None = None, high: float | None = None) -> None:
        self.kind, self.low, self.high = kind, low, high
        self.name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        try:
            number = self.kind(value)
        except (ValueError, OverflowError):
            number = None
        if (
            number is not None
            and (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
        ):
            return number
        raise UsageError(
            "{name} must be {expected}, not {value}.", name=_shown(param), expected=self._expected(), value=value
        )

    def _expected(self) -> str:
        what = tr("a whole number") if self.kind is int else tr("a number")
        if self.low is not None and self.high is not None:
            return tr("{what} from {low} to {high}", what=what, low=f"{self.low:g}", high=f"{self.high:g}")
        if self.low is not None:
            return tr("{what} of at least {low}", what=what, low=f"{self.low:g}")
        return what


class OneOf(click.Choice[str]):
    """One of a few words; the sentence for any other names them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        raise UsageError(
            "{name} must be one of {choices}, not {value}.",
            name=_shown(param),
            choices=", ".join(self.choices),
            value=value,
        )


def _shown(param: click.Parameter | None) -> str:
    if isinstance(param, click.Option):
        return param.opts[0]
    return param.human_readable_name if param else ""


def read_stdin() -> str:
    """All of standard input as UTF-8 text, nothing stripped."""
    data = sys.stdin.buffer.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise TutorError(
            "Standard input is not UTF-8 text: byte {offset} is {value}.",
            offset=error.start,
            value=f"0x{data[error.start]:02x}",
        ) from None


def json_option(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help=tr("Print one JSON document."))(function)


def lang_option(function: Function) -> Function:
    """`--lang` was already read when the words of this help were chosen (see `main`); here it is checked."""
    return click.option(
        "--lang", type=OneOf(LANGUAGES), expose_value=False, help=tr("Language: zh (Chinese) or en (English).")
    )(function)


def course_option(function: Function) -> Function:
    return click.option(
        "--course",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        callback=_remember("course"),
        expose_value=False,
        help=tr("A folder with lessons and quizzes of its own, used instead of those that came along."),
    )(function)


def model_option(function: Function) -> Function:
    return click.option(
        "--model",
        metavar="NAME|PATH",
        callback=_remember("model"),
        expose_value=False,
        help=tr("A model of the catalogue, or the path of a GGUF file."),
    )(function)


def server_option(function: Function) -> Function:
    return click.option(
        "--server",
        metavar="URL",
        default="",
        help=tr("A server with OpenAI's protocol that answers instead; its key is read from QWTUTOR_API_KEY."),
    )(function)


def plain_option(function: Function) -> Function:
    return click.option(
        "--plain",
        is_flag=True,
        callback=_remember("plain"),
        expose_value=False,
        help=tr("Speak lines instead of a screen: for screen readers and logs."),
    )(function)


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        if value:
            setattr(ctx.ensure_object(Call), name, value)
        return value

    return callback
