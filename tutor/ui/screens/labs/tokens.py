"""The tokenizer lab: the reader's own text under several tokenizers, down to characters, bytes and merges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from tutor.domain.errors import ModelMissing, TutorError
from tutor.domain.language import tr
from tutor.domain.plaintext import visible
from tutor.runtime import tokenizers
from tutor.ui.asking_model import ModelScreen
from tutor.ui.counting import Counting
from tutor.ui.draw import cuts, tokentable
from tutor.ui.draw.tokentable import Asked
from tutor.ui.draw.wrap import wrap
from tutor.ui.labs import kept_under
from tutor.ui.screens.labs.tokens_setup import SAMPLES, Setup
from tutor.ui.widgets.answer import AnswerInput
from tutor.ui.widgets.cutpanes import CutPanes
from tutor.ui.widgets.fit import fit
from tutor.ui.widgets.lines import Lines, Row, RowList
from tutor.ui.widgets.writing import WritingField

if TYPE_CHECKING:
    from tutor.runtime.merges import Merging

KEEP_AFTER = 1.0  # seconds without a key before what was typed is kept


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
    TokensLab #token { padding: 0 1; height: 2; }
    TokensLab Input { margin: 0 1; }
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._given = dict(given or {})
        self._kept_under = kept_under("tokens", given)
        self.setup = Setup()
        self._trouble: TutorError | None = None  # with what the lab was opened with
        self._sample = 0
        self._keep: Timer | None = None
        self.counting = Counting(self, self._counted)
        self.asking = self.counting.asking

    # -- building ----------------------------------------------------------------------------------------------------

    def body(self) -> Iterable[Widget]:
        yield WritingField(id="text", enter="To the tokens")
        yield WritingField(id="other", enter="To the tokens")
        yield Lines(id="facts")
        yield RowList(id="table", enter="To the tokens")
        yield CutPanes(self._merging)
        yield Lines(id="token")
        yield AnswerInput(enter="Open")

    def heading(self) -> tuple[str, str]:
        return tr("Tokenizer lab"), tr("model: {model}", model=self.app.services.model_name)

    def context(self) -> str:
        names = ", ".join(self.setup.tokenizers)
        return tr("The tokenizer lab, tokenizers {names}, text: {text}", names=names, text=self.setup.text[:200])

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
        self._line.display = False
        super().on_mount()
        self.set_focus(self._table if self.setup.text else self._field)
        self._count()

    def on_unmount(self) -> None:
        self._store()

    def _restore(self) -> None:
        """As it was left; else as it was asked for."""
        kept = self.app.services.progress.kept(self._kept_under)
        try:
            self.setup.take({**self._given, **kept} if isinstance(kept, dict) else self._given)
            if "path" in self._given and not isinstance(kept, dict):
                self._read(str(self._given["path"]))
        except TutorError as error:
            self._trouble = error
        self._field.write(self.setup.text)
        self._other.write(self.setup.other)
        self.counting.names = self.setup.tokenizers

    def _store(self) -> None:
        data = self.setup.data()
        self.app.services.store_later(lambda progress: progress.keep(self._kept_under, data))

    @property
    def _field(self) -> WritingField:
        return self.query_one("#text", WritingField)

    @property
    def _other(self) -> WritingField:
        return self.query_one("#other", WritingField)

    @property
    def _table(self) -> RowList:
        return self.query_one("#table", RowList)

    @property
    def _panes(self) -> CutPanes:
        return self.query_one(CutPanes)

    @property
    def _line(self) -> Input:
        """Where the path of a file is typed."""
        return self.query_one(Input)

    # -- counting ----------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        setup = self.setup
        self.counting.drawn = self._shown_names()
        self.counting.ask(Asked(setup.text, setup.other if setup.comparing else "", setup.special))

    def _recount(self) -> None:
        """Something else is to be counted, and kept."""
        if self._keep is not None:
            self._keep.stop()
        self._keep = self.set_timer(KEEP_AFTER, self._store)
        self._count()

    def _counted(self, names: Collection[str]) -> None:
        self._show_figures()
        if set(names) & set(self._shown_names()):
            self._show_tokens()
            if self._field.has_focus:
                self._follow_caret()

    def _shown_names(self) -> list[str]:
        """The tokenizer of each pane: the chosen one, and those that follow it."""
        names = self.setup.tokenizers
        at = names.index(self.setup.tokenizer)
        return [names[(at + i) % len(names)] for i in range(min(self._panes.room(self.size.width), len(names)))]

    def _merging(self, name: str) -> Merging:
        from tutor.runtime import merges
        from tutor.runtime.catalogue import find

        return merges.merging_of_file(find(self.app.services.model_name)) if name == "model" else merges.merging(name)

    # -- drawing -----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        super().relabel()
        height, field, other = self.size.height, self._field, self._other
        field.styles.height = 2 if height < 24 else 3 if height < 36 else 5
        field.placeholder = tr("Write or paste a text here. Enter fills in a sample.")
        field.label = tr("text") if self.setup.comparing else ""
        other.display = self.setup.comparing
        other.styles.height = 1 if height < 24 else 2
        other.placeholder = tr("The same in another language: what does it cost there?")
        other.label = tr("other")
        self._table.styles.height = 1 + len(self.setup.tokenizers)
        self._line.placeholder = tr("path of a text file")
        self._show_figures()
        self._show_tokens()

    def _show_figures(self) -> None:
        palette, width, setup = self.app.palette, max(30, self.size.width - 4), self.setup
        rows = [Row(tokentable.header(width, setup.comparing, palette), heading=True)]
        for number, name in enumerate(setup.tokenizers, 1):
            line = tokentable.name_cell(number, name, palette)
            if (count := self.counting.counts.get(name)) is not None:
                line.append(tokentable.figures(count, width, setup.comparing))
            else:
                line.append(self._instead(name), palette.muted)
            rows.append(Row(fit(line, width), key=name))
        self._table.set_rows(rows, cursor=1 + setup.tokenizers.index(setup.tokenizer))
        notes = [setup.file] if setup.file else []
        if setup.special:
            notes.append(tr("special tokens are read"))
        facts = tokentable.facts(self.counting.asked, notes, palette)
        if (trouble := self._trouble or self.counting.trouble) is not None:
            facts = Text(str(trouble), palette.strong)
        self.query_one("#facts", Lines).set_lines([fit(facts, width)])

    def _instead(self, name: str) -> str:
        """What stands in place of the figures of a tokenizer that has none."""
        asking = self.counting.asking
        if name == "model" and isinstance(asking.trouble, ModelMissing):
            return tr("no model is here: f fetches {model}", model=self.app.services.model_name)
        if name == "model" and (asking.busy or asking.trouble is not None):
            return asking.progress or str(asking.trouble)
        return "" if self.counting.trouble is not None else tr("counting..")

    def _show_tokens(self) -> None:
        shown = [(name, self.counting.counts.get(name)) for name in self._shown_names()]
        self._panes.show(shown, self.setup.zoom, self._empty_lines)
        self._describe()

    def _empty_lines(self, name: str, width: int) -> list[Text]:
        """Where there are no tokens: why, or what one does here."""
        if self.counting.asked.text or self.counting.trouble is not None:
            sentences = [self._instead(name)]
        else:
            sentences = [
                tr("Every tokenizer cuts what you write, while you write it: which one needs the fewest tokens?"),
                tr("Tab: to the tokenizers and to the tokens. z: characters, bytes, merges. o: a file. ?: more."),
            ]
        muted = self.app.palette.muted
        lines = [line for each in sentences for line in [Text(), *wrap(Text(each, muted), width)]]
        return [Text(" ") + line for line in lines]

    def _describe(self) -> None:
        """Below: the token under the cursor."""
        token = self._panes.token
        lines = [Text(), Text()] if token is None else tokentable.token_lines(*token, self.app.palette)
        self.query_one("#token", Lines).set_lines([fit(line, self.size.width - 2) for line in lines])

    # -- writing and moving ------------------------------------------------------------------------------------------

    def on_writing_field_changed(self, event: WritingField.Changed) -> None:
        if not event.text:
            if event.field is self._field:
                self._follow_caret()
            return
        if event.field is self._field:
            self.setup.file, self._trouble = "", None
        self.setup.text, self.setup.other = self._field.text, self._other.text
        self._recount()

    def _follow_caret(self) -> None:
        self._panes.go(max(0, self._field.sheet.caret - 1))
        self._describe()

    def on_writing_field_done(self, event: WritingField.Done) -> None:
        if event.enter and not self.setup.text:
            self.action_sample()
        self._panes.take_focus()

    def on_cut_panes_moved(self) -> None:
        self._describe()

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        self._use(str(event.row.key))

    def on_row_list_chosen(self) -> None:
        self._panes.take_focus()

    def _use(self, name: str) -> None:
        """This tokenizer's tokens, at the same place of the text."""
        if name != self.setup.tokenizer:
            place = self._panes.character
            self.setup.tokenizer = name
            self._show_tokens()
            self._panes.go(place)
            self._describe()
            self._recount()

    # -- keys --------------------------------------------------------------------------------------------------------

    def action_choose(self, number: int) -> None:
        if number <= len(self.setup.tokenizers):
            self._use(self.setup.tokenizers[number - 1])
            self._show_figures()

    def action_zoom(self, step: int) -> None:
        at = cuts.ZOOMS.index(self.setup.zoom)
        self.setup.zoom = cuts.ZOOMS[(at + step) % len(cuts.ZOOMS)]
        self._show_tokens()
        self._recount()

    def action_edit(self) -> None:
        self.set_focus(self._field)

    def action_compare(self) -> None:
        self.setup.comparing = not self.setup.comparing
        self.relabel()
        if self.setup.comparing and not self.setup.other:
            self.set_focus(self._other)
        self._recount()

    def action_special(self) -> None:
        self.setup.special = not self.setup.special
        self.say(
            tr("Names like <|im_start|> are read as special tokens now, where the vocabulary has them.")
            if self.setup.special
            else tr("Names of special tokens are ordinary text again.")
        )
        self._recount()

    def action_sample(self) -> None:
        """The next sample, where nothing of the reader's own is written."""
        if self.setup.text and all(self.setup.text != sample.zh for sample in SAMPLES):
            self.say(tr("Your own text stands here; clear it first (e, then Ctrl+U on each line)."))
            return
        sample = SAMPLES[self._sample % len(SAMPLES)]
        self._sample += 1
        self.setup.text, self.setup.other, self.setup.comparing, self.setup.file = sample.zh, sample.en, True, ""
        self._field.write(sample.zh)
        self._other.write(sample.en)
        self._trouble = None
        self.relabel()
        self._recount()

    # -- a file ------------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        self._line.display = True
        self.set_focus(self._line)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self._read(event.value.strip())
        except TutorError as error:
            self.say(str(error))
            return
        self._trouble = None
        self._field.write(self.setup.text)
        self._close_line()
        self._recount()

    def _read(self, path: str) -> None:
        from tutor.runtime.textfile import read_text

        self.setup.text = read_text(Path(path))
        self.setup.file = visible(Path(path).name)

    def _close_line(self) -> None:
        self.say()
        self._line.display = False
        self.set_focus(self._table)

    def action_stop(self) -> None:
        """Esc closes the line for a path, stops the model, or leads back."""
        if self._line.display:
            self._close_line()
        else:
            super().action_stop()
