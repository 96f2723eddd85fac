"""How well the tutor finds, declines, calls and answers: `python -m bench.tutor [PART…]` prints one JSON document.

Every figure is printed for the questions that may be looked at while tuning (bench/questions/tuned) and for those that
are only measured (bench/questions/unseen).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import checking, report
from bench.programs import as_installed
from tutor import places
from tutor.content.library import Library

QUESTIONS = Path(__file__).parent / "questions"
HALVES = ("tuned", "unseen")


@dataclass(frozen=True, slots=True)
class Question:
    """`sections` are (lesson, section) pairs, any of them right; `rest` what else the file says."""

    ask: str
    half: str
    sections: frozenset[tuple[str, str]] = frozenset()
    fact: tuple[str, ...] = ()
    rest: dict[str, Any] | None = None


def entries(pattern: str) -> Iterable[tuple[str, Path, dict[str, Any]]]:
    """The entries of the files named `pattern`, with the half and the file that each stands in."""
    for half in HALVES:
        for path in sorted((QUESTIONS / half).glob(pattern)):
            for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
                yield half, path, entry


def lesson_questions() -> list[Question]:
    found = []
    for half, path, entry in entries("lessons/*.yaml"):
        slug = path.stem.split("-", 1)[1]
        named = (id.split("#") if "#" in id else (slug, id) for id in entry["sections"])
        pairs = frozenset((lesson, section) for lesson, section in named)
        found.append(Question(entry["ask"], half, pairs, tuple(entry.get("fact", ()))))
    return found


def other_questions(name: str) -> list[Question]:
    return [Question(entry["ask"], half, rest=entry) for half, _, entry in entries(f"{name}.yaml")]


def folded(text: str) -> str:
    """For looking a fact up: NFKC, lower case, no spaces."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def share(outcomes: Iterable[bool]) -> float:
    known = list(outcomes)
    return round(sum(known) / len(known), 4) if known else 0.0


def by_half(questions: list[Question], outcome: Callable[[Question], bool]) -> tuple[dict[str, float], list[str]]:
    """The share of questions with a good outcome in each half, and the tuned ones that went wrong."""
    outcomes = [(question, outcome(question)) for question in questions]
    shares = {half: share(good for question, good in outcomes if question.half == half) for half in HALVES}
    return shares, [question.ask for question, good in outcomes if not good and question.half == "tuned"]


def retrieval(library: Library) -> dict[str, Any]:
    from tutor.content.search import search

    questions = lesson_questions()
    times, found = [], {}
    for question in questions:
        started = time.perf_counter()
        hits = search(library, question.ask, 3)
        times.append((time.perf_counter() - started) * 1000)
        found[question.ask] = [(hit.lesson, hit.section) for hit in hits]
    first, wrong_first = by_half(questions, lambda q: bool(q.sections & set(found[q.ask][:1])))
    three, wrong = by_half(questions, lambda q: bool(q.sections & set(found[q.ask])))
    return {
        "questions": len(questions),
        "first": first,
        "among_three": three,
        "median_ms": round(statistics.median(times), 2),
        "wrong": {"first": [(ask, found[ask][:1]) for ask in wrong_first], "three": wrong},
    }


def coverage(library: Library) -> dict[str, Any]:
    """Whether questions that no lesson answers are told from those that one does."""
    from tutor.agent.retrieval import find

    off, wrong_off = by_half(other_questions("off-subject"), lambda q: not find(library, q.ask).covered)
    on, wrong_on = by_half(lesson_questions(), lambda q: find(library, q.ask).covered)
    return {"declined": off, "taken": on, "wrong": {"off": wrong_off, "on": wrong_on}}


def tools(library: Library) -> dict[str, Any]:
    """What the router alone proposes: the right tool, right arguments with it, and silence where no tool is asked for."""
    from tutor.agent.router import Proposal, propose
    from tutor.agent.tools import TOOLS
    from tutor.agent.tools.signature import checked, signature
    from tutor.domain.errors import TutorError

    def valid(proposal: Proposal) -> bool:
        try:
            checked(signature(TOOLS[proposal.tool]), proposal.arguments)
        except TutorError:
            return not proposal.arguments  # a model fills them in
        return True

    def right(question: Question) -> bool:
        proposal, wanted = propose(question.ask), question.rest or {}
        return (
            proposal is not None
            and proposal.tool == wanted["tool"]
            and all(proposal.arguments.get(name) == value for name, value in wanted.get("arguments", {}).items())
        )

    asking = other_questions("tools")
    proposals = {question.ask: propose(question.ask) for question in asking}
    started = time.perf_counter()
    silent, wrong_silent = by_half(lesson_questions(), lambda q: propose(q.ask) is None)
    off, wrong_off = by_half(other_questions("off-subject"), lambda q: propose(q.ask) is None)
    spent = time.perf_counter() - started
    tool, _ = by_half(asking, lambda q: (p := proposals[q.ask]) is not None and p.tool == (q.rest or {})["tool"])
    whole, wrong = by_half(asking, right)
    return {
        "right_tool": tool,
        "right_call": whole,
        "unsure": by_half(asking, lambda q: proposals[q.ask] is None)[0],
        "valid_calls": share(valid(proposal) for proposal in proposals.values() if proposal is not None),
        "silent_on_lessons": silent,
        "silent_off_subject": off,
        "mean_ms": round(spent * 1000 / (len(lesson_questions()) + len(other_questions("off-subject"))), 3),
        "wrong": {"call": wrong, "silent": wrong_silent + wrong_off},
    }


def quotes(library: Library) -> dict[str, Any]:
    """Whether the answer without a model contains the fact asked for."""
    from tutor.agent.quote import quote
    from tutor.agent.retrieval import find

    asked = [question for question in lesson_questions() if question.fact]
    answers = {
        question.ask: folded(quote(question.ask, find(library, question.ask).passages).answer) for question in asked
    }
    shares, wrong = by_half(asked, lambda q: any(folded(fact) in answers[q.ask] for fact in q.fact))
    return {"questions": len(asked), "contain_the_fact": shares, "wrong": wrong}


PARTS: dict[str, Callable[[Library], dict[str, Any]]] = {
    "retrieval": retrieval,
    "coverage": coverage,
    "tools": tools,
    "quotes": quotes,
    "verify": checking.verifying,
    "hints": checking.hinting,
}


def main() -> None:
    # Imported here: it loads what only its own parts need, and takes the questions from this module.
    from bench import voice

    PARTS.update(voice.PARTS)
    parser = argparse.ArgumentParser(prog="python -m bench.tutor", description="Measure the tutor.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]}; there are {', '.join(PARTS)}")
    document: dict[str, Any] = {"machine": report.machine()}
    with tempfile.TemporaryDirectory() as folder, as_installed(Path(folder)):
        library = Library(None, cache=places.cache())
        library.refresh()
        for part in options.parts or PARTS:
            report.tell(f"measuring: {part}")
            document[part] = PARTS[part](library)
    print(json.dumps(document, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
