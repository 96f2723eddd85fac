"""A text being written: the same as a string and an offset, however it is edited; the caret is always seen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tutor.ui.draw.sheet import Sheet, cells

CHARACTERS = st.sampled_from("ab c词é\n龘\x1b\u200d1")
TEXT = st.text(CHARACTERS, max_size=40)
EDIT = st.one_of(
    st.tuples(st.just("insert"), st.text(CHARACTERS, max_size=6)),
    st.tuples(st.sampled_from(["delete", "move", "rows", "line", "text"]), st.sampled_from([-1, 1])),
    st.tuples(st.just("word"), st.none()),
    st.tuples(st.just("width"), st.integers(2, 30)),
)


@settings(deadline=None, max_examples=300)
@given(TEXT, st.lists(EDIT, max_size=25))
def test_edits_do_to_the_sheet_what_they_do_to_a_string(text: str, edits: list[tuple[str, object]]) -> None:
    sheet, at = Sheet(text), len(text)
    sheet.fit(12, 3)
    for kind, value in edits:
        if kind == "insert":
            sheet.insert(str(value))
            text, at = text[:at] + str(value) + text[at:], at + len(str(value))
        elif kind == "delete" and value == -1:
            sheet.delete(-1)
            text, at = text[: max(0, at - 1)] + text[at:], max(0, at - 1)
        elif kind == "delete":
            sheet.delete(1)
            text = text[:at] + text[at + 1 :]
        elif kind == "move":
            sheet.move(int(str(value)))
            at = min(len(text), max(0, at + int(str(value))))
        elif kind == "text":
            sheet.move_to_edge(int(str(value)), of_text=True)
            at = 0 if value == -1 else len(text)
        elif kind == "line":
            sheet.move_to_edge(int(str(value)))
            at = text.rfind("\n", 0, at) + 1 if value == -1 else (text + "\n").index("\n", at)
        elif kind == "rows":
            sheet.move_rows(int(str(value)))
            at = sheet.caret
        elif kind == "word":
            sheet.delete_word()
            assert len(text) - len(sheet.text) == at - sheet.caret >= 0
            text, at = sheet.text, sheet.caret
        else:
            sheet.fit(int(str(value)), 3)
        assert sheet.text == text
        assert sheet.caret == at
        sheet.show_caret()
        rows = sheet.rows()
        assert 1 <= len(rows) <= 3
        assert "".join(rows) in text.replace("\n", "")
        assert all(sum(map(cells, row)) <= max(sheet.width, 6) or len(row) == 1 for row in rows)
        row = rows[sheet.caret_row]
        assert sheet.caret_cell <= sum(map(cells, row))


def test_another_width_leaves_something_to_be_seen() -> None:
    sheet = Sheet("a word and another word and one more")
    sheet.fit(4, 2)
    sheet.show_caret()
    sheet.fit(80, 2)
    assert sheet.rows() == ["a word and another word and one more"]


def test_rows_break_between_words_and_hold_the_whole_text() -> None:
    sheet = Sheet("the quick brown fox 分词器分词器")
    sheet.fit(10, 9)
    assert sheet.rows() == ["the quick ", "brown fox ", "分词器分词", "器"]


def test_up_and_down_keep_to_the_column_and_typing_goes_on_there() -> None:
    sheet = Sheet("abcdef\nxy\nuvwxyz")
    sheet.fit(20, 3)
    sheet.move_to_edge(1, of_text=True)
    sheet.move_rows(-1)
    sheet.move_rows(-1)
    sheet.insert("!")
    assert sheet.text == "abcdef!\nxy\nuvwxyz"
