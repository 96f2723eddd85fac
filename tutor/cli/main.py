"""The command line: which command is where, and what is said when a call goes wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import shell_complete

from tutor import __version__
from tutor.cli import diagnostics, output
from tutor.cli.group import Group, translate_click
from tutor.cli.opening import saved_language
from tutor.cli.options import call, course_option, lang_option, model_option, plain_option
from tutor.domain import language
from tutor.domain.errors import UsageError
from tutor.domain.language import tr

PROGRAM = "qwtutor"
COMPLETE = "_QWTUTOR_COMPLETE"

# Command -> module in tutor/cli/commands, in the order of the help.
COMMANDS = {
    "lessons": "lessons",
    "lesson": "lessons",
    "quiz": "quiz",
    "review": "quiz",
    "search": "search",
    "ask": "ask",
    "grade": "grade",
    "progress": "progress",
    "demo": "demo",
    "arena": "arena",
    "tokenize": "tokenize",
    "next": "inference",
    "score": "inference",
    "decode": "decode",
    "models": "models",
    "doctor": "doctor",
    "check": "check",
    "completion": "completion",
}


def main(words: Sequence[str]) -> int:
    """Run the command line `words` and return the exit status."""
    output.prepare_streams()
    language.set_language(chosen_language(words))
    return diagnostics.guarded(lambda: _run(list(words)))


def chosen_language(words: Sequence[str]) -> str:
    """`--lang` wherever it stands, else the one chosen on the screen, else the locale's.

    Read before click reads anything: its help is to be in that language.
    """
    for index, word in enumerate(words):
        if word == "--":
            break
        name, _, value = word.partition("=")
        if name == "--lang":
            value = value or "".join(words[index + 1 : index + 2])
            if value in language.LANGUAGES:
                return value
    return saved_language() or language.language_from_environment()


def _run(words: list[str]) -> int:
    translate_click()
    program = build()
    instruction = os.environ.get(COMPLETE)
    if instruction:
        return shell_complete(program, {}, PROGRAM, COMPLETE, instruction)
    try:
        # Not `program.main`: it has exit statuses and words of its own for Ctrl+C and closed pipes.
        with program.make_context(PROGRAM, words) as context:
            result = program.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return _usage(error)
    return result if isinstance(result, int) else diagnostics.DONE


def _usage(error: click.UsageError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        diagnostics.say(error.format_message())
        return diagnostics.WRONG_USAGE
    diagnostics.say(error.format_message())
    path = error.ctx.command_path if error.ctx else PROGRAM
    diagnostics.say(tr("`{path} --help` explains.", path=path))
    return diagnostics.WRONG_USAGE


def build() -> Group:
    """The whole command line, made anew in the current language."""

    @click.group(
        PROGRAM,
        cls=Group,
        modules=COMMANDS,
        invoke_without_command=True,
        help=tr("Learn how language models work, in a terminal, offline. Alone, `qwtutor` opens the screen."),
        examples=("qwtutor", "qwtutor lesson tokenizer --lang en", "qwtutor --plain", "qwtutor demo tokenizer --json"),
    )
    @lang_option
    @course_option
    @model_option
    @plain_option
    @click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
    @click.pass_context
    def qwtutor(ctx: click.Context) -> int | None:
        if ctx.invoked_subcommand is not None:
            return None
        if call().plain:
            from tutor.cli.plain.menu import menu

            return menu()
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError(
                "The screen needs a terminal, and here is none.",
                hint="`qwtutor --plain` speaks lines; `qwtutor --help` lists the commands.",
            )
        from tutor.ui.start import run

        return run(language=language.language(), course=call().course, model=call().model)

    assert isinstance(qwtutor, Group)
    return qwtutor
