"""The program with a tutor that says what a test has written down, at a pace that a test can follow.

`python -m tests.ui.scripted_tutor --lang en` in a terminal. What it says depends on the question: see `events`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Sequence

from tutor.agent import loop
from tutor.agent.desk import Desk, Turn
from tutor.agent.events import (
    Citation,
    Done,
    Event,
    Passage,
    Prompt,
    Retrieved,
    Suggestion,
    TextDelta,
    ToolCall,
    ToolResult,
    Unsupported,
)
from tutor.agent.guard import Guard
from tutor.domain.errors import TutorError
from tutor.domain.language import Text, both, same
from tutor.domain.posed import Posed
from tutor.ui.screens.tutor import ahead

PASSAGES = (
    Passage(
        "padding", "rectangle", Text("四句话排不成矩形", "Four texts make no rectangle"), "A tensor is square.", 8.25
    ),
    Passage("tokenizer", "bytes", Text("从字节开始", "Start from bytes"), "There are 256 bytes.", 4.5),
    Passage("decoding", "greedy", Text("贪心", "Greedy"), "The most probable token.", 2.0),
)
NEAREST = tuple(Suggestion("section", f"{each.lesson}#{each.section}", each.title) for each in PASSAGES)
SAID = "一批句子补成**矩形** [padding#rectangle]。A cat invented it in 1812. So be it [tokenizer#bytes]."
WRONG = "A cat invented it in 1812."
WHY = both("No passage has the number {number}.", number=1812)
SUGGESTIONS = (
    Suggestion("section", "padding#rectangle", PASSAGES[0].title),
    Suggestion("demo", "tokenizer", same("Merging"), {"merges": 3}),
    Suggestion("question", "padding#q-count", same("One about it")),
)
LINE = "on and on"


def events(question: str, *, desk: Desk, alone: bool = False, **place: object) -> Generator[Event]:
    if "weather" in question and not alone:
        yield Retrieved(PASSAGES, covered=False)
        yield Done("", in_lessons=False, suggestions=NEAREST, seconds=0.1)
    elif alone:
        yield TextDelta("It will rain.")
        yield Done("It will rain.", in_lessons=False, model="scripted", seconds=0.1)
    elif "broken" in question:
        raise TutorError("The server answers with status {status}.", status=503)
    elif "where" in question:
        said = f"near {place['near']}: {place['context']}"
        yield TextDelta(said)
        yield Done(said, in_lessons=True, model="scripted", seconds=0.1)
    elif "forever" in question:
        yield from forever()
    elif question.startswith("say "):
        yield TextDelta(question.removeprefix("say "))
        yield Done(question.removeprefix("say "), in_lessons=True, model="scripted", seconds=0.1)
    else:
        yield from checked()


def answer(
    question: str, *, desk: Desk, posed: Posed | None = None, history: Sequence[Turn] = (), **more: object
) -> Generator[Event]:
    """As the tutor's own loop: what the script says is heard first while a question is open."""
    told = events(question, desk=desk, **more)  # type: ignore[arg-type]
    return told if posed is None or not posed.open else Guard(posed, desk.library, history).answers(question, told)


def forever() -> Generator[Event]:
    """Until it is stopped: then the end comes a little later, as from a model."""
    yield Retrieved(PASSAGES, covered=True)
    try:
        for number in range(100_000):
            yield TextDelta(f"- {number} {LINE}\n")
            time.sleep(0.02)
    finally:
        time.sleep(0.05)


def checked() -> Generator[Event]:
    call, result = ToolCall("calculate", {"expression": "2*128"}), ToolResult("calculate", "256")
    yield Retrieved(PASSAGES, covered=True)
    yield call
    yield result
    yield Prompt("[system]\nOnly from the notes.", 812, 640)
    for at in range(0, len(SAID), 5):
        yield TextDelta(SAID[at : at + 5])
        time.sleep(0.01)
    at = SAID.index(WRONG)
    doubt = Unsupported(WRONG, at, at + len(WRONG), WHY)
    cited = (Citation("padding", "rectangle", "x"), Citation("tokenizer", "bytes", "y"))
    yield Done(SAID, True, cited, ((call, result),), (doubt,), SUGGESTIONS, "scripted", 47, 2.31, 0.42)


if __name__ == "__main__":
    loop.answer = answer
    ahead.get_ready = lambda services: None  # it has no use for a model
    from tutor.__main__ import main

    sys.argv[0] = "qwtutor"
    main()
