"""Train the two SentencePiece tokenizers that ship, on the text of the lessons and quizzes.

    python models/train_spm.py            train both on models/corpus.txt, into this folder
    python models/train_spm.py --corpus   first write models/corpus.txt anew from the lessons and quizzes

The corpus is frozen in a file, so that an edit of a lesson does not change token ids that people have seen.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus.txt"
MODELS = {"spm-bpe": "bpe", "spm-unigram": "unigram"}
VOCABULARY = 2000


def corpus_lines() -> Iterator[str]:
    """Every line of every lesson and quiz that ships, both languages, in the order of the curriculum."""
    from tutor.content.library import Library
    from tutor.content.walk import texts
    from tutor.domain.language import LANGUAGES

    library = Library()
    for slug in (entry.slug for entry in library.entries() if entry.written):
        for value in (library.lesson(slug), library.quiz(slug)):
            for _, text in texts(value):
                for code in LANGUAGES:
                    yield from (line.strip() for line in text.get(code).splitlines())


def train(kind: str, lines: Iterable[str]) -> bytes:
    """The model file of a tokenizer of `kind` (bpe or unigram). The same lines give the same bytes."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=written,
        model_type=kind,
        vocab_size=VOCABULARY,
        # One thread: sums of probabilities then always add up in the same order.
        num_threads=1,
        # Pieces joined are the text, byte for byte: nothing is normalized, dropped or put in front, and what
        # the vocabulary lacks falls apart into bytes.
        byte_fallback=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        # Rare characters cost a place each; as bytes they cost none.
        character_coverage=0.995,
        minloglevel=2,
    )
    return written.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", action="store_true", help="write corpus.txt anew before training")
    if parser.parse_args().corpus:
        CORPUS.write_text("".join(f"{line}\n" for line in corpus_lines() if line), encoding="utf-8")
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    for name, kind in MODELS.items():
        (FOLDER / f"{name}.model").write_bytes(train(kind, lines))


if __name__ == "__main__":
    main()
