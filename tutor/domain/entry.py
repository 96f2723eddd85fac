"""What a list shows of a lesson. Apart from the lesson itself, so that the first screen loads no more than it shows."""

from __future__ import annotations

from typing import NamedTuple

from tutor.domain.language import Text

PARTS: dict[str, Text] = {
    "A": Text("文本变成数字", "Text into numbers"),
    "B": Text("模型架构", "Architectures"),
    "C": Text("训练", "Training"),
    "D": Text("适配与瘦身", "Adapting and shrinking"),
    "E": Text("分片并行", "Sharding"),
    "F": Text("使用大模型", "Using LLMs"),
}


class Entry(NamedTuple):
    """What a list shows of a topic, known without opening its file.

    `written` is False for a topic of the curriculum that has no lesson file yet. `stale` says that the file is new or
    has changed since it was last read: the rest is what is known without reading it. `problem` says why a file that
    is there cannot be used.
    """

    number: int
    slug: str
    part: str
    title: Text
    minutes: int = 0
    questions: int = 0
    written: bool = True
    stale: bool = False
    problem: Text = Text()
