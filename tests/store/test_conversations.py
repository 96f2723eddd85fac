from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.helpers import DAY, NOW
from tutor.domain.errors import UsageError
from tutor.store import conversations
from tutor.store.conversations import MAX_TURNS, Conversation
from tutor.store.exchange import export_json, reset
from tutor.store.progress import Progress

FIRST = Conversation("a", "Why 100% padding_side?", "padding", "Why?\nA batch is a rectangle.", ({"question": "Why?"},))
SECOND = Conversation("b", "什么是词元？", "", "什么是词元？\n词元是模型读写的单位。", ({"question": "什么是词元？"},))


@pytest.fixture
def progress(tmp_path: Path) -> Iterator[Progress]:
    with Progress.open(tmp_path / "progress.sqlite3", now=NOW) as opened:
        conversations.save(opened, FIRST, now=NOW)
        conversations.save(opened, SECOND, now=NOW + DAY)
        yield opened


def ids(progress: Progress, typed: str = "") -> list[str]:
    return [each.id for each in conversations.found(progress, typed)]


def test_a_conversation_comes_back_as_it_was_held(progress: Progress) -> None:
    assert conversations.load(progress, "a") == FIRST
    assert conversations.load(progress, "nothing") is None


def test_the_newest_stands_first_and_speaking_on_makes_one_the_newest(progress: Progress) -> None:
    assert ids(progress) == ["b", "a"]
    conversations.save(progress, FIRST, now=NOW + 2 * DAY)
    assert ids(progress) == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("rectangle", ["a"]),
        ("BATCH  why", ["a"]),
        ("词元", ["b"]),
        ("batch 词元", []),
        ("100%", ["a"]),
        ("e_s", []),
        ("padding_side", ["a"]),
        ("%", ["a"]),
        ("_", ["a"]),
        ("\\", []),
        ("question", []),
    ],
)
def test_found_by_every_word_that_is_typed_as_it_is_typed(progress: Progress, typed: str, expected: list[str]) -> None:
    assert ids(progress, typed) == expected


def test_what_was_deleted_is_gone_and_undone_stands_where_it_stood(progress: Progress) -> None:
    listed = conversations.found(progress)[1]
    conversations.delete(progress, "a")
    assert ids(progress) == ["b"]
    conversations.save(progress, FIRST, now=listed.updated_at)
    assert ids(progress) == ["b", "a"]
    assert conversations.load(progress, "a") == FIRST


def test_of_an_endless_conversation_the_newest_turns_are_kept(progress: Progress) -> None:
    turns = tuple({"question": str(n)} for n in range(MAX_TURNS + 5))
    conversations.save(progress, Conversation("c", "long", turns=turns), now=NOW)
    kept = conversations.load(progress, "c")
    assert kept is not None
    assert kept.turns == turns[5:]


def test_they_stay_here_when_progress_is_exported_and_go_when_it_is_reset(progress: Progress) -> None:
    assert "rectangle" not in str(export_json(progress))
    reset(progress, NOW)
    assert ids(progress) == []


def test_a_server_is_an_address_without_name_and_password(progress: Progress) -> None:
    progress.set_setting("server", " http://127.0.0.1:8080/v1 ")
    assert progress.setting("server") == "http://127.0.0.1:8080/v1"
    progress.set_setting("server", "")
    for wrong in ("127.0.0.1:8080", "https://me:secret@example.org/v1", "file:///etc/passwd", "http://"):
        with pytest.raises(UsageError):
            progress.set_setting("server", wrong)
