"""`qwtutor tokenize`: the tokens of a text under one of several vocabularies."""

from __future__ import annotations

from typing import Any

import click

from tutor.cli import opening, output
from tutor.cli.group import command
from tutor.cli.options import OneOf, Words, json_option, lang_option, model_option
from tutor.domain.language import tr
from tutor.domain.model import TokenPiece
from tutor.domain.plaintext import visible

# Written out here because asking the runtime room for them would load it for `--help`; a test compares.
NAMES = ("model", "cl100k_base", "o200k_base", "qwen", "spm-bpe", "spm-unigram")


@command(
    "tokenize",
    tr("Cut a text into tokens. `-` reads standard input as it is, a newline at its end included."),
    "qwtutor tokenize --tokenizer qwen '你好，世界'",
    "printf 'some text' | qwtutor tokenize --tokenizer o200k_base --json -",
)
@click.argument("text", type=Words())
@click.option(
    "--tokenizer", type=OneOf(NAMES), default="model", help=tr("Which vocabulary: {names}.", names=", ".join(NAMES))
)
@model_option
@json_option
@lang_option
def tokenize(*, text: str, tokenizer: str, as_json: bool) -> None:
    from tutor.runtime import tokenizers

    if tokenizer == "model":
        with opening.model() as model:
            pieces = tokenizers.tokenize(tokenizer, text, model)
    else:
        pieces = tokenizers.tokenize(tokenizer, text)
    if as_json:
        output.document(tokens_data(tokenizer, pieces))
        return
    for piece in pieces:
        output.line(f"{piece.id:>7}  {visible(piece.text)!r}  {piece.data.hex(' ')}")
    output.line(tr("{count} tokens, {characters} characters", count=len(pieces), characters=len(text)))


def tokens_data(tokenizer: str, pieces: tuple[TokenPiece, ...]) -> dict[str, Any]:
    return {
        "tokenizer": tokenizer,
        "ids": [piece.id for piece in pieces],
        "tokens": [
            {"id": piece.id, "text": piece.text, "bytes": piece.data.hex(), "start": piece.start, "end": piece.end}
            for piece in pieces
        ],
    }
