"""The loaded model's own vocabulary: text to tokens and back. Runs in the worker."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import llama_cpp.llama_cpp as lib

from tutor.domain.errors import ModelFailed, UsageError
from tutor.domain.model import TokenPiece
from tutor.domain.plaintext import visible
from tutor.runtime.spans import align, utf8, with_spans

# Longest text of a token in a list: enough for any real vocabulary's, and a bound for a crafted one's.
MAX_LABEL = 200


class Vocabulary:
    """`size` tokens. A token's bytes and label are remembered: decoding asks for the same few again and again.

    `handle` is llama.cpp's own of the vocabulary.
    """

    def __init__(self, model: Any) -> None:
        self.handle = lib.llama_model_get_vocab(model)
        self.size: int = lib.llama_vocab_n_tokens(self.handle)
        self.adds_bos: bool = lib.llama_vocab_get_add_bos(self.handle)
        self._data: dict[int, bytes] = {}
        self._labels: dict[int, str] = {}
        self.adds_space = b"".join(map(self.data, self.ids(b"a"))) == b" a"

    def ids(self, source: bytes, *, special: bool = False, bos: bool = False) -> list[int]:
        """The tokens of a text in UTF-8. `special` reads control tokens' names as the tokens; `bos` puts one first.

        A model's user-defined tokens (Qwen's `<tool_call>`) are ordinary text to it and are read in any case.
        """
        room = len(source) + 8
        while True:
            buffer = (lib.llama_token * room)()
            count = lib.llama_tokenize(self.handle, source, len(source), buffer, room, False, special)
            if count >= 0:
                break
            if count == -(2**31):
                raise UsageError("The text is too long to be cut into tokens.")
            room = -count
        first = [lib.llama_vocab_bos(self.handle)] if bos and lib.llama_vocab_bos(self.handle) >= 0 else []
        return first + list(buffer[:count])

    def prompt(self, prompt: str | list[int]) -> list[int]:
        """The tokens of a prompt: of typed text, with the begin-of-text token where the model was trained with one.

        Tokens are taken as they are. Raises UsageError for a number that is no token.
        """
        if isinstance(prompt, str):
            return self.ids(utf8(prompt), bos=self.adds_bos)
        self._check(prompt)
        return prompt

    def pieces(self, text: str, *, special: bool = False, bos: bool = False) -> tuple[TokenPiece, ...]:
        """The tokens of `text` with the characters they touch."""
        source = utf8(text)
        ids = self.ids(source, special=special)
        spelled = align(source, [self.data(id) for id in ids])
        tokens = [(id, data, self.label(id), self.is_control(id)) for id, data in zip(ids, spelled, strict=True)]
        if bos:
            tokens = [(id, b"", self.label(id), True) for id in self.ids(b"", bos=True)] + tokens
        return with_spans(tokens)

    def prompt_pieces(self, prompt: str | list[int]) -> tuple[TokenPiece, ...]:
        """The tokens of a prompt, with the characters that they touch."""
        if isinstance(prompt, str):
            return self.pieces(prompt, bos=self.adds_bos)
        self._check(prompt)
        return with_spans([(id, self.data(id), self.label(id), self.is_control(id)) for id in prompt])

    def data(self, id: int) -> bytes:
        """A token's bytes, a control token's being its name."""
        found = self._data.get(id)
        if found is None:
            found = self._data[id] = self._piece(id)
        return found

    def piece(self, id: int) -> bytes:
        """The bytes that a token adds to a text: none for a control token."""
        return b"" if self.is_control(id) else self.data(id)

    def label(self, id: int) -> str:
        """A token's text for a list; where its bytes are no whole characters, with replacement characters."""
        found = self._labels.get(id)
        if found is None:
            found = self._labels[id] = self.data(id).decode("utf-8", "replace")[:MAX_LABEL]
        return found

    def text(self, ids: Sequence[int]) -> bytes:
        """The bytes of a whole text from its tokens, without the space that the vocabulary may put before it.

        Raises UsageError for a number that is no token.
        """
        self._check(ids)
        joined = b"".join(self.data(id) for id in ids)
        return joined[1:] if self.adds_space and joined.startswith(b" ") else joined

    def _check(self, ids: Sequence[int]) -> None:
        for id in ids:
            if not 0 <= id < self.size:
                raise UsageError("{id} is no token: they go from 0 to {last}.", id=id, last=self.size - 1)

    def control_names(self, text: str) -> Iterator[tuple[int, str]]:
        """Where `text` has what would be read as a control token, and which: the leftmost and longest."""
        names = self._control_names
        lengths = sorted({len(name) for name in names}, reverse=True)
        beginnings = {name[0] for name in names}
        end = 0
        for start, character in enumerate(text):
            if character in beginnings and start >= end:
                for length in lengths:
                    if (name := text[start : start + length]) in names:
                        end = start + length
                        yield start, name
                        break

    @cached_property
    def _control_names(self) -> frozenset[str]:
        special = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_UNKNOWN
        ids = (id for id in range(self.size) if lib.llama_vocab_get_attr(self.handle, id) & special)
        return frozenset(filter(None, map(self._name, ids)))

    @property
    def bos(self) -> str:
        """The name of the token that begins a text, empty where there is none."""
        return self._name(lib.llama_vocab_bos(self.handle))

    @property
    def eos(self) -> str:
        """The name of the token that ends a text, empty where there is none."""
        return self._name(lib.llama_vocab_eos(self.handle))

    def _name(self, id: int) -> str:
        text: bytes = lib.llama_vocab_get_text(self.handle, id) if id >= 0 else b""
        return text.decode("utf-8", "replace")

    def is_control(self, id: int) -> bool:
        control: bool = lib.llama_vocab_is_control(self.handle, id)
        return control

    def ends(self, id: int) -> bool:
        """Whether a token ends the model's answer (end of text, end of turn)."""
        end: bool = lib.llama_vocab_is_eog(self.handle, id)
        return end

    def _piece(self, id: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = lib.llama_token_to_piece(self.handle, id, buffer, room, 0, True)
            if length >= 0:
                return buffer.raw[:length]
            if -length <= room:
                raise ModelFailed("Token {id} of the model cannot be read.", id=visible(str(id)))
            room = -length
