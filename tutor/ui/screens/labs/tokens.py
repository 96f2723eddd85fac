"""The tokenizer lab: the reader's own text under several tokenizers, down to characters, bytes and merges."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import ModelMissing, TutorError, UsageError
from tutor.domain.language import Text as Words
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.runtime import tokenizers
from tutor.runtime.spans import Cut
from tutor.ui.asking_model import Asking, ModelScreen
from tutor.ui.draw import cuts, tokentable
from tutor.ui.draw.tokentable import Count
from tutor.ui.draw.wrap import wrap
from tutor.ui.labs import kept_under
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.cutview import CutView
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines, Row, RowList
from tutor.ui.widgets.writing import WritingField

if TYPE_CHECKING:
    from tutor.domain.model import Model

BYTE_LEVEL = tuple(tokenizers.BUNDLED)
PAUSE = 0.1  # seconds between two counts while the reader types
KEEP_AFTER = 1.0  # seconds without a key before what was typed is kept
AT_ONCE = 4_000  # tokens that are laid out within the key; more are laid out beside it
SECOND, THIRD = 120, 180  # columns from which a second and a third tokenizer stand beside the first
# Pairs that say the same, in the project's own words; a rare character, an emoji of several, code.
SAMPLES = (
    Words(
        "模型看不见文字，只看见词元的编号。同一句话换一种语言，词元的个数就不同。",
        "A model sees no letters, only the numbers of tokens. In another language the same sentence takes another count of them.",
    ),
    Words(
        "“龘”这个字很少见，👩‍💻 由三个字符拼成：词元常在字的中间断开。",
        "“龘” is a rare character, and 👩‍💻 is put together from three: tokens often break inside one.",
    ),
    Words(
        'def 问好(名字):\n    return f"你好，{名字}！"  # <|im_start|> 在这里只是文字',
        'def greet(name):\n    return f"Hello, {name}!"  # <|im_start|> is only text here',
    ),
)


class TokensLab(ModelScreen):
    """`given` may hold `text`, `other` (the same in another language), `tokenizers`, `zoom` and `path`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z,plus", "zoom(1)", "Zoom", id="tokens.zoom", key_display="z"),
        Binding("minus", "zoom(-1)", "Zoom out", show=False, id="tokens.zoom_out"),
        Binding("e", "edit", "Edit", id="tokens.edit"),
        Binding("c", "compare", "Compare", id="tokens.compare"),
        Binding("s", "sample", "Sample", id="tokens.sample"),
        Binding("x", "special", "Special tokens", id="tokens.special"),
        Binding("o,ctrl+o", "open", "File", id="tokens.open", key_display="o"),
        *(Binding(str(n), f"choose({n})", show=False) for n in range(1, len(tokenizers.NAMES) + 1)),
    ]

    DEFAULT_CSS = """
    TokensLab #facts { padding: 0 1; height: 1; }
    TokensLab #table { height: 7; }
    TokensLab .pane { width: 1fr; height: 1fr; }
    TokensLab .pane Lines { padding: 0 1; height: 1; }
    TokensLab #panes { height: 1fr; }
    TokensLab #token { padding: 0 1; height: 2; }
    TokensLab Input { margin: 0 1; }
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._given = dict(given or {})
        self._kept_under = kept_under("tokens", given)
        self.names: tuple[str, ...] = tokenizers.NAMES
        self.tokenizer = BYTE_LEVEL[0]
        self.zoom = cuts.CHARACTERS
        self.special = False
        self.comparing = False
        self._file = ""
        self._sample = 0
        self._counted = ""  # the text that the figures belong to
        self._counts: dict[str, Count] = {}
        self._trouble: TutorError | None = None
        self._turn = 0
        self._laid = 0
        self._pause: Timer | None = None
        self._again = False
        self._keep: Timer | None = None
        self.asking = Asking(self, self._model_changed)

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield WritingField(id="text", enter="To the tokens")
        yield WritingField(id="other", enter="To the tokens")
        yield Lines(id="facts")
        yield RowList(id="table", enter="To the tokens")
        with Horizontal(id="panes"):
            for number in range(3):
                with Vertical(classes="pane"):
                    yield Lines(id=f"name{number}")
                    yield CutView(id=f"tokens{number}")
        yield Lines(id="token")
        yield AnswerInput(enter="Open")

    def heading(self) -> tuple[str, str]:
        return tr("Tokenizer lab"), tr("model: {model}", model=self.app.services.model_name)

    def about(self) -> str:
        return tr(
            "Write or paste any text: every tokenizer cuts it while you type. Tab goes from the text to the tokenizers "
            "and to the tokens, where the arrows move; below stands what is known of a token. z zooms: characters, "
            "bytes, merges. c opens a second line for the same text in another language and shows what it costs. "
            "~ marks a token that is not valid UTF-8 alone, * a special token; typed text never makes one unless x "
            "says so. o opens a file, s fills in a sample."
        )

    def on_mount(self) -> None:
        self._restore()
        super().on_mount()
        self._fit()
        self.query_one(Input).display = False
        self.query_one(RowList if self._field.text else "#text").focus()
        self._count()

    def _restore(self) -> None:
        """As it was left; else as it was asked for."""
        kept = self.app.services.progress.kept(self._kept_under)
        data = {**self._given, **kept} if isinstance(kept, dict) else self._given
        try:
            self._take(data)
            if "path" in data and not isinstance(kept, dict):
                self._read(str(data["path"]))
        except TutorError as error:
            self._trouble = error

    def _take(self, data: Mapping[str, Any]) -> None:
        """Raises NotFound for a tokenizer, UsageError for a zoom that there is none of; what is right is taken."""
        self._field.write(str(data.get("text") or ""))
        self._other.write(str(data.get("other") or ""))
        self.comparing = bool(data.get("comparing", self._other.text))
        self.special = bool(data.get("special"))
        self._file = str(data.get("file") or "")
        names = tuple(dict.fromkeys(map(str, data.get("tokenizers") or tokenizers.NAMES)))
        for name in names:
            tokenizers.known(name)
        self.names = names
        first = next((name for name in names if name != "model"), names[0])
        self.tokenizer = data["tokenizer"] if data.get("tokenizer") in names else first
        zoom = data.get("zoom", self.zoom)
        if zoom not in cuts.ZOOMS:
            levels = ", ".join(cuts.ZOOMS)
            raise UsageError("zoom must be one of {levels}, not {found}.", levels=levels, found=visible(str(zoom)))
        self.zoom = zoom

    def on_unmount(self) -> None:
        self._store()

    def _store_soon(self) -> None:
        if self._keep is not None:
            self._keep.stop()
        self._keep = self.set_timer(KEEP_AFTER, self._store)

    def _store(self) -> None:
        state = {
            "text": self._field.text,
            "other": self._other.text,
            "comparing": self.comparing,
            "tokenizer": self.tokenizer,
            "zoom": self.zoom,
            "special": self.special,
            "file": self._file,
        }
        self.app.services.store_later(lambda progress: progress.keep(self._kept_under, state))

    # -- the widgets -------------------------------------------------------------------------------------------------

    @property
    def _field(self) -> WritingField:
        return self.query_one("#text", WritingField)

    @property
    def _other(self) -> WritingField:
        return self.query_one("#other", WritingField)

    @property
    def _panes(self) -> list[CutView]:
        """The views that are seen."""
        number = 1 + (self.size.width >= SECOND) + (self.size.width >= THIRD)
        return [self.query_one(f"#tokens{i}", CutView) for i in range(min(number, len(self.names)))]

    def _shown_names(self) -> list[str]:
        """The tokenizer of each pane: the chosen one, and those that follow it."""
        at = self.names.index(self.tokenizer)
        return [self.names[(at + i) % len(self.names)] for i in range(len(self._panes))]

    @property
    def _active(self) -> int:
        """The pane that the reader is in."""
        return next((i for i, view in enumerate(self._panes) if view.has_focus), 0)

    def _fit(self) -> None:
        """What there is room for."""
        height = self.size.height
        self._field.styles.height = 2 if height < 24 else 3 if height < 36 else 5
        self._other.styles.height = 1 if height < 24 else 2
        self._other.display = self.comparing
        self._field.label = tr("text") if self.comparing else ""
        self._other.label = tr("other")
        self.query_one("#table").styles.height = 1 + len(self.names)
        for i, pane in enumerate(self.query(".pane")):
            pane.display = i < len(self._panes)

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        self._fit()
        self._field.placeholder = tr("Write or paste a text here. Enter fills in a sample.")
        self._other.placeholder = tr("The same in another language: what does it cost there?")
        self.query_one(Input).placeholder = tr("path of a text file")
        self._show_figures()
        self._lay_out()

    # -- counting ----------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        """Count now, or, where that was done a moment ago, in a moment."""
        if self._pause is not None:
            self._again = True
            return
        self._again = False
        self._pause = self.set_timer(PAUSE, self._pause_over)
        self._turn += 1
        self.beside(partial(self._count_all, self._turn))

    def _pause_over(self) -> None:
        self._pause = None
        if self._again:
            self._count()

    async def _count_all(self, turn: int) -> None:
        """The byte-level vocabularies first, which take a moment; then SentencePiece; at last the model is asked."""
        text, other, special = self._field.text, self._compared, self.special
        for group in (BYTE_LEVEL, tokenizers.SENTENCEPIECE):
            names = [name for name in group if name in self.names]
            try:
                counts = await asyncio.to_thread(_counts, names, text, other, special)
            except TutorError as error:
                if turn == self._turn:
                    self._trouble, self._counts = error, {}
                    self._show_figures()
                    self._lay_out()
                return
            if turn != self._turn or not self.is_mounted:
                return
            self._take_counts(text, counts)
        if "model" in self.names:
            self.asking.ask(
                lambda model: _model_count(model, text, other, special),
                lambda count: self._take_counts(text, {"model": count}),
            )

    @property
    def _compared(self) -> str:
        return self._other.text if self.comparing else ""

    def _take_counts(self, text: str, counts: Mapping[str, Count]) -> None:
        if text != self._counted:
            self._counted = text
            # The model's answer is still to come.
            self._counts = {}
        self._counts.update(counts)
        self._trouble = None
        self._show_figures()
        if set(counts) & set(self._shown_names()):
            self._lay_out()

    def _model_changed(self) -> None:
        self._show_figures()
        if "model" in self._shown_names() and self.asking.trouble is not None:
            self._lay_out()

    # -- drawing -----------------------------------------------------------------------------------------------------

    def _show_figures(self) -> None:
        palette, width = self.app.palette, max(30, self.size.width - 4)
        text, names = self._field.text, self.names
        rows = [Row(tokentable.header(width, self.comparing, palette), heading=True)]
        for number, name in enumerate(names, 1):
            line = tokentable.row(
                number, name, self._counts.get(name), len(self._counted), width,
                instead=self._instead(name), comparing=self.comparing, palette=palette,
            )  # fmt: skip
            rows.append(Row(line, key=name))
        self.query_one("#table", RowList).set_rows(rows, cursor=1 + names.index(self.tokenizer))
        notes = [self._file] if self._file else []
        if self.special:
            notes.append(tr("special tokens are read"))
        line = tokentable.facts(text, self._compared, notes, palette)
        if self._trouble is not None:
            line = Text(str(self._trouble), palette.strong)
        self.query_one("#facts", Lines).set_lines([fit(line, width)])

    def _instead(self, name: str) -> str:
        """What stands in the row of a tokenizer that has no figures."""
        if name != "model" or self.asking.trouble is None:
            return "" if self._trouble is not None else self.asking.progress if name == "model" else tr("counting..")
        if isinstance(self.asking.trouble, ModelMissing):
            return tr("no model is here: f fetches {model}", model=self.app.services.model_name)
        return str(self.asking.trouble)

    def _lay_out(self) -> None:
        """Draw the tokens of the panes anew; a long text is laid out beside the screen."""
        self._laid += 1
        for i, (view, name) in enumerate(zip(self._panes, self._shown_names(), strict=True)):
            count = self._counts.get(name)
            palette = self.app.palette
            title = Text.assemble((name, palette.heading), "  ", (self._zoom_name(), palette.muted))
            self.query_one(f"#name{i}", Lines).set_lines([title])
            if count is None or not self._counted:
                view.show(None, instead=self._empty_lines(name, self.size.width // len(self._panes) - 4))
                self._describe()
                continue
            work = partial(self._rows, name, count.cut, self._counted, view.scrollable_content_region.width)
            if len(count.cut) <= AT_ONCE and (self.zoom != cuts.MERGES or name != "model"):
                self._put(view, work())
            else:
                self.beside(partial(self._lay_out_beside, view, work, self._laid))

    def _empty_lines(self, name: str, width: int) -> list[Text]:
        """Where there are no tokens: why, or what one does here."""
        if self._counted or self._trouble is not None:
            sentences = [self._instead(name)]
        else:
            sentences = [
                tr("Every tokenizer cuts what you write, while you write it: which one needs the fewest tokens?"),
                tr("Tab: to the tokenizers and to the tokens. z: characters, bytes, merges. o: a file. ?: more."),
            ]
        muted = self.app.palette.muted
        lines = [line for each in sentences for line in [Text(), *wrap(Text(each, muted), max(20, width))]]
        return [Text(" ") + line for line in lines]

    async def _lay_out_beside(self, view: CutView, work: Any, laid: int) -> None:
        try:
            rows = await asyncio.to_thread(work)
        except TutorError as error:
            self.say(str(error))
            return
        if laid == self._laid and self.is_mounted:
            self._put(view, rows)

    def _rows(self, name: str, cut: Cut, text: str, width: int) -> cuts.Rows:
        merging = None
        if self.zoom == cuts.MERGES:
            from tutor.runtime import merges
            from tutor.runtime.catalogue import find

            model = self.app.services.model_name
            merging = merges.merging_of_file(find(model)) if name == "model" else merges.merging(name)
        return cuts.rows(self.zoom, cut, text, width, self.app.palette, merging=merging)

    def _put(self, view: CutView, rows: cuts.Rows) -> None:
        view.show(rows)
        if self._field.has_focus:
            self._follow_caret()
        self._describe()

    def _zoom_name(self) -> str:
        return {
            cuts.CHARACTERS: tr("characters, ids below"),
            cuts.BYTES: tr("bytes, characters above, ids below"),
            cuts.MERGES: tr("merges in order: rank, then what stands"),
        }[self.zoom]

    def _describe(self) -> None:
        """Below: the token under the cursor."""
        name = self._shown_names()[self._active]
        count, view = self._counts.get(name), self._panes[self._active]
        lines = [Text(), Text()]
        if count is not None and len(count.cut) and view.cursor < len(count.cut):
            lines = tokentable.token_lines(count.cut, view.cursor, self._counted, self.app.palette)
        self.query_one("#token", Lines).set_lines([fit(line, self.size.width - 2) for line in lines])

    # -- one place in the text, in every pane ------------------------------------------------------------------------

    def _follow(self, character: int, but: CutView | None = None) -> None:
        """The cursor of every pane but one to the token that holds this character."""
        for view, name in zip(self._panes, self._shown_names(), strict=True):
            count = self._counts.get(name)
            if view is not but and count is not None:
                view.go(bisect_right(count.cut.ends, character))

    def _follow_caret(self) -> None:
        self._follow(max(0, self._field.sheet.caret - 1))

    def on_cut_view_moved(self, event: CutView.Moved) -> None:
        names = dict(zip(self._panes, self._shown_names(), strict=True))
        count = self._counts.get(names.get(event.view, ""))
        if count is not None and len(count.cut):
            self._follow(max(0, count.cut.start(event.view.cursor)), but=event.view)
        self._describe()

    def on_descendant_focus(self) -> None:
        self._describe()

    # -- keys --------------------------------------------------------------------------------------------------------

    def on_writing_field_changed(self, event: WritingField.Changed) -> None:
        if not event.text:
            if event.field is self._field:
                self._follow_caret()
                self._describe()
            return
        if event.field is self._field:
            self._file = ""
        self._store_soon()
        self._count()

    def on_writing_field_done(self, event: WritingField.Done) -> None:
        if event.enter and event.field is self._field and not event.field.text:
            self.action_sample()
        self._panes[0].focus()

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self._use(str(event.row.key))

    def on_row_list_chosen(self) -> None:
        self._panes[0].focus()

    def action_choose(self, number: int) -> None:
        if number <= len(self.names):
            self._use(self.names[number - 1])
            self._show_figures()

    def _use(self, name: str) -> None:
        """This tokenizer's tokens, at the same place of the text."""
        if name == self.tokenizer:
            return
        before = self._counts.get(self.tokenizer)
        at = before.cut.start(self._panes[0].cursor) if before is not None and len(before.cut) else 0
        self.tokenizer = name
        self._lay_out()
        self._follow(max(0, at))
        self._describe()
        self._store_soon()

    def action_zoom(self, step: int) -> None:
        self.zoom = cuts.ZOOMS[(cuts.ZOOMS.index(self.zoom) + step) % len(cuts.ZOOMS)]
        self._lay_out()
        self._store_soon()

    def action_edit(self) -> None:
        self._field.focus()

    def action_compare(self) -> None:
        self.comparing = not self.comparing
        self._fit()
        if self.comparing and not self._other.text:
            self._other.focus()
        self._recount()

    def action_special(self) -> None:
        self.special = not self.special
        self.say(
            tr("Names like <|im_start|> are read as special tokens now, where the vocabulary has them.")
            if self.special
            else tr("Names of special tokens are ordinary text again.")
        )
        self._recount()

    def action_sample(self) -> None:
        """The next sample, where nothing of the reader's own is written."""
        own = self._field.text
        if own and all(own != sample.zh for sample in SAMPLES):
            self.say(tr("Your own text stands here; clear it first (e, then Ctrl+U on each line)."))
            return
        sample = SAMPLES[self._sample % len(SAMPLES)]
        self._sample += 1
        self._field.write(sample.zh)
        self._other.write(sample.en)
        self.comparing = True
        self._file = ""
        self._fit()
        self._recount()

    def _recount(self) -> None:
        self._counts = {}
        self._store_soon()
        self._count()

    def action_open(self) -> None:
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self._read(event.value.strip())
        except TutorError as error:
            self.say(str(error))
            return
        self._close_line()
        self.say()
        self._recount()

    def _read(self, path: str) -> None:
        from tutor.runtime.textfile import read_text

        self._field.write(read_text(Path(path)))
        self._file = visible(Path(path).name)

    def _close_line(self) -> None:
        self.query_one(Input).display = False
        self.query_one("#table").focus()

    def action_stop(self) -> None:
        """Esc closes the line for a path, stops the model, or leads back."""
        if self.query_one(Input).display:
            self._close_line()
        else:
            super().action_stop()


def _counts(names: Iterable[str], text: str, other: str, special: bool) -> dict[str, Count]:
    """Raises UsageError."""
    found = {}
    for name in names:
        compared = len(tokenizers.cut(name, other, special=special)) if other else None
        cut = tokenizers.cut(name, text, special=special)
        # Worked out here, beside the screen, for all who ask later.
        _ = cut.incomplete, cut.ends
        found[name] = Count(cut, compared)
    return found


def _model_count(model: Model, text: str, other: str, special: bool) -> Count:
    compared = len(model.tokenize(other, special=special)) if other else None
    return Count(Cut.of(model.tokenize(text, special=special)), compared)
