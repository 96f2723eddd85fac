"""`make docs`: what the README says about the commands, written from the commands themselves.

`python docs/make.py --check` changes nothing and fails where the README is behind.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tutor.cli.group import Command, Group, first_sentence
from tutor.cli.main import build
from tutor.domain.language import set_language

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- commands: written by make docs -->", "<!-- end of commands -->"


def command_table() -> str:
    """Every command with what its help says first and its first example, as a Markdown table."""
    set_language("en")
    rows = ["| command | what it does | for example |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {first_sentence(command.help or '')} | `{command.examples[0].replace('|', chr(92) + '|')}` |"
        for name, command in leaves(build(), "")
    ]
    return "\n".join(rows)


def leaves(group: Group, prefix: str) -> list[tuple[str, Command]]:
    """The commands below `group` in the order of the help, those of a family one by one."""
    found: list[tuple[str, Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, Group):
            found += leaves(command, f"{prefix}{name} ")
        elif isinstance(command, Command):
            found.append((f"{prefix}{name}", command))
    return found


def with_table(readme: str) -> str:
    before, _, rest = readme.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{command_table()}\n{END}{after}"


def main() -> int:
    old = README.read_text(encoding="utf-8")
    new = with_table(old)
    if "--check" in sys.argv[1:]:
        return int(old != new)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
