"""How far answers to one question agree, and whether it pays to give one.

Agreement is a stand-in for confidence that needs nothing but the answers: what a model knows comes out alike when it
is sampled again, what it makes up does not (SelfCheckGPT, Manakul et al. 2023, arXiv:2303.08896). Agreeing answers
can still be wrong together.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# A point, comma, colon, slash or dash inside a number, and the sign before it, are part of what was said.
_IN_NUMBERS = re.compile(r"(?<=\d)[.,:/-](?=\d)|(?<!\S)-(?=\d)")


def normalized(answer: str) -> str:
    """`answer` for comparing: NFKC, case folded, spaces as one, no punctuation or symbols except within numbers."""
    folded = unicodedata.normalize("NFKC", answer).casefold()
    within = {match.start() for match in _IN_NUMBERS.finditer(folded)}
    kept = (
        c if c.isspace() or place in within or unicodedata.category(c)[0] not in "PSC" else ""
        for place, c in enumerate(folded)
    )
    return " ".join("".join(kept).split())


def clusters(answers: Sequence[str]) -> list[tuple[str, int]]:
    """The different answers, normalized, and how many gave each; the most common first, then the earliest."""
    return Counter(map(normalized, answers)).most_common()


def agreement(answers: Sequence[str]) -> float:
    """The share of the most common answer."""
    return clusters(answers)[0][1] / len(answers)


def answer_entropy(answers: Sequence[str]) -> float:
    """The entropy of the distribution over different answers, in nats: 0 if all agree, ln n if no two do.

    Semantic entropy (Farquhar et al. 2024, Nature 630) is this over meanings, which a second model tells apart; here
    answers count as one only if they are the same text after normalizing.
    """
    shares = [count / len(answers) for _, count in clusters(answers)]
    return math.fsum(-share * math.log(share) for share in shares)


def penalty(threshold: float) -> float:
    """What a wrong answer costs, where a right one earns 1, so that answering pays only above `threshold`.

    t / (1 - t), as Kalai et al. 2025 propose (arXiv:2509.04664, "explicit confidence targets"); 0 for a threshold of 0: guessing is free.
    """
    return threshold / (1.0 - threshold)


def expected_score(confidence: float, threshold: float) -> float:
    """What an answer earns on average if it is right with probability `confidence`; saying "I don't know" earns 0."""
    return confidence - (1.0 - confidence) * penalty(threshold)
