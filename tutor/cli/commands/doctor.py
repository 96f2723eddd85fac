"""`qwtutor doctor`: what this machine offers, and what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import command
from tutor.cli.options import course_option, json_option, lang_option
from tutor.domain.errors import TutorError
from tutor.domain.frames import to_json
from tutor.domain.language import Text, both, same, tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    from tutor.runtime.doctor import Check


@command("doctor", tr("Say what works on this machine and what does not."), "qwtutor doctor", "qwtutor doctor --json")
@course_option
@json_option
@lang_option
def doctor(*, as_json: bool) -> int:
    from tutor.runtime.doctor import checks

    found = [*checks(), progress(), *lessons()]
    if as_json:
        output.document(
            {
                each.name: {
                    "ok": each.ok,
                    "detail": to_json(each.detail),
                    "hint": None if each.ok else to_json(each.hint),
                }
                for each in found
            }
        )
    else:
        for each in found:
            print_check(each)
    return diagnostics.DONE if all(each.ok for each in found) else diagnostics.FAILED


def print_check(check: Check) -> None:
    mark = tr("ok") if check.ok else tr("TROUBLE")
    output.line(f"{mark}  {check.title}: {check.detail}")
    if not check.ok and check.hint:
        output.line(f"    {check.hint}")


def progress() -> Check:
    """Whether the progress file opens; what was done about a damaged one is said."""
    from tutor.runtime.doctor import Check

    title = both("Progress")
    try:
        with opening.progress() as opened:
            detail = same(visible(str(opened.path)))
            return Check("progress", title, not opened.notice, opened.notice or detail)
    except TutorError as error:
        return Check("progress", title, False, same(error.message), same(error.hint))


def lessons() -> list[Check]:
    """How many lessons there are, and each that cannot be read."""
    from tutor.runtime.doctor import Check

    try:
        entries = opening.library().entries()
    except TutorError as error:
        return [Check("lessons", both("Lessons"), False, same(error.message), same(error.hint))]
    written = sum(entry.written for entry in entries)
    detail = both("{written} written, {count} topics", written=written, count=len(entries))
    broken = [
        Check(f"lesson {entry.slug}", same(visible(entry.slug)), False, entry.problem, Text())
        for entry in entries
        if entry.problem
    ]
    return [Check("lessons", both("Lessons"), True, detail), *broken]
