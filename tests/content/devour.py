"""Run as a program: loads mutated lessons and bombs under limits, prints what went wrong as JSON.

Each file may take one second of processor time, and all of them together 100 MB beyond what the program has at its
start: then the system ends the program, which the test takes as a failure.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
from pathlib import Path

from tests.content.samples import bombs, mutate
from tutor.content.loader import convert
from tutor.content.problem import ContentError
from tutor.content.reader import MAX_BYTES, parse, read
from tutor.domain.lesson import Lesson
from tutor.domain.quiz import Quiz

MEMORY = 100 * 1024 * 1024
SECONDS = 1.0


def limit_memory() -> None:
    """Only where the system says how much is in use already; elsewhere the limit on time stands alone."""
    in_use = Path("/proc/self/statm")
    if not in_use.exists():
        return
    pages = int(in_use.read_text().split()[0])
    ceiling = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))


def devour(name: str, data: bytes, cls: type) -> str:
    """What became of the file: `ok`, `refused`, or a complaint about how it was refused."""
    print(name, file=sys.stderr, flush=True)  # the last line names the file that ended the program
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        convert(parse(data, "lessons/x.yaml"), cls)
    except ContentError as refusal:
        first = refusal.problems[0]
        whole = first.line > 0 or b"\n" not in data[:MAX_BYTES]
        return "refused" if first.file == "lessons/x.yaml" and str(refusal) and whole else f"no line: {refusal}"
    except Exception as failure:  # noqa: BLE001  # whatever it is, it is what this program looks for
        return repr(failure)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "ok"


def main(count: int, sources: list[Path]) -> None:
    texts = [path.read_bytes() for path in sources]
    outcomes: dict[str, int] = {}
    wrong: dict[str, str] = {}
    limit_memory()
    for number in range(count):
        chance = random.Random(number)
        at = chance.randrange(len(texts))
        cls = Lesson if sources[at].parent.name == "lessons" else Quiz
        outcome = devour(f"mutant {number}", mutate(texts[at], chance, texts), cls)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if outcome not in ("ok", "refused"):
            wrong[f"mutant {number}"] = outcome
    for name, data in bombs().items():
        if len(data) <= MAX_BYTES:
            outcome = devour(name, data, Lesson)
        else:
            path = Path("too-large.yaml")
            path.write_bytes(data)
            try:
                read(path, "lessons/x.yaml")
                outcome = "read"
            except ContentError:
                outcome = "refused"
        if outcome != "refused":
            wrong[name] = outcome
    print(json.dumps({"outcomes": outcomes, "wrong": wrong}))


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
