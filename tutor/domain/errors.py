"""One error type for everything a person can meet: a title, a sentence, and what to do next."""

from __future__ import annotations

from tutor.domain.language import Text, both, tr


class TutorError(Exception):
    """A failure with a sentence for a person. `message` and `hint` are English templates, shown through `tr`.

    raise TutorError("No lesson is called {slug}.", hint="`qwtutor lessons` lists them.", slug=slug)
    """

    exit_status = 1

    def __init__(self, message: str, *, hint: str = "", title: str = "", **values: object) -> None:
        super().__init__(message)
        self.template = message
        self.hint_template = hint
        self.title_template = title
        self.values = values

    @property
    def title(self) -> str:
        return tr(self.title_template, **self.values) if self.title_template else ""

    @property
    def message(self) -> str:
        return tr(self.template, **self.values)

    @property
    def hint(self) -> str:
        return tr(self.hint_template, **self.values) if self.hint_template else ""

    @property
    def said(self) -> Text:
        """Message and hint in both languages, for an answer in another language than the program's."""
        return Text(*(self._said(language) for language in ("zh", "en")))

    def _said(self, language: str) -> str:
        values = {
            name: value.get(language) if isinstance(value, Text) else value for name, value in self.values.items()
        }
        hint = both(self.hint_template, **values) if self.hint_template else Text()
        return " ".join(part.get(language) for part in (both(self.template, **values), hint) if part)

    def __str__(self) -> str:
        return " ".join(part for part in (self.message, self.hint) if part)


class UsageError(TutorError):
    """The call's words are off: exit status 2."""

    exit_status = 2


class NotFound(TutorError):
    """A lesson, question, demo or model by that name does not exist."""


class ModelMissing(TutorError):
    """A model is needed and its file is not there; screens offer to fetch it."""


class ModelFailed(TutorError):
    """The model's process died, was stopped for being stuck, or refused a request."""


class Cancelled(TutorError):
    """The person said stop. Not a failure, but what was under way ends here."""
