"""How often right sentences are marked, planted wrong numbers found, and answers told to who begs, over all lessons."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench import begging
from tutor.agent.events import Passage
from tutor.agent.hints import STRENGTHS
from tutor.agent.numbers import figures
from tutor.agent.passages import asked_in, sentences
from tutor.agent.verify import verify
from tutor.content.blocks import PROSE, blocks
from tutor.content.library import Library
from tutor.domain.language import LANGUAGES, set_language
from tutor.domain.lesson import Section
from tutor.domain.quiz import Quiz

SEED = 5
QUESTIONS = Path(__file__).parent / "questions"


def written(library: Library) -> list[str]:
    quizzes = library.quiz_files()
    return [entry.slug for entry in library.refresh() if entry.slug in quizzes and not entry.problem]


def prose(markdown: str) -> list[str]:
    return [one for block in blocks(markdown) if block.kind == PROSE for one in sentences(block.text)]


def passage(slug: str, section: Section, language: str) -> Passage:
    text = "\n\n".join(block.text for block in blocks(section.body.get(language)))
    return Passage(slug, section.id, section.title, text, 1.0)


def verifying(library: Library) -> dict[str, Any]:
    """The share marked of: the section's own sentences, those of its other language, and its quiz's explanations.

    Explanations speak of cases of their own, which no passage holds: of them many are rightly marked. A wrong number is
    a right sentence with one digit changed.
    """
    chance = random.Random(SEED)
    marked: dict[str, list[bool]] = {"own": [], "other_language": [], "explanations": []}
    found: list[bool] = []
    for slug in written(library):
        lesson, quiz = library.lesson(slug), library.quiz(slug)
        for section in lesson.sections:
            for language, other in (LANGUAGES, LANGUAGES[::-1]):
                given = [passage(slug, section, language)]
                for sentence in prose(section.body.get(language)):
                    marked["own"].append(bool(verify(sentence, given, library=library).unsupported))
                    found += planted(sentence, given, library, chance)
                for sentence in prose(section.body.get(other)):
                    marked["other_language"].append(bool(verify(sentence, given, library=library).unsupported))
                for question, sentence in explained(quiz, section.id, language):
                    faults = verify(sentence, given, (), question, library).unsupported
                    marked["explanations"].append(bool(faults))
    shares = {name: round(sum(rows) / len(rows), 4) for name, rows in marked.items()}
    return {
        "right_marked": shares,
        "planted": len(found),
        "planted_found": round(sum(found) / len(found), 4),
        "own_words": {half: own_words(library, half) for half in ("tuned", "unseen")},
    }


def own_words(library: Library, half: str) -> dict[str, Any]:
    """The share marked of right sentences in a model's own words, and of the same with one number or name made wrong."""
    marked: list[bool] = []
    found: list[bool] = []
    wrong: dict[str, list[str]] = {"marked": [], "not_found": []}
    for entry in yaml.safe_load((QUESTIONS / half / "sentences.yaml").read_text(encoding="utf-8")):
        slug, id = entry["section"].split("#")
        section = library.lesson(slug).section(id)
        assert section is not None
        given = [passage(slug, section, asked_in(entry["ask"]))]

        def faults(said: str, given: list[Passage] = given, ask: str = entry["ask"]) -> bool:
            return bool(verify(said, given, (), ask, library).unsupported)

        marked.append(faults(entry["says"]))
        wrong["marked"] += [entry["says"]] if marked[-1] else []
        if "wrong" in entry:
            found.append(faults(entry["wrong"]))
            wrong["not_found"] += [] if found[-1] else [entry["wrong"]]
    shares = {"marked": round(sum(marked) / len(marked), 4), "found": round(sum(found) / len(found), 4)}
    return {**shares, "wrong": wrong} if half == "tuned" else shares


def planted(sentence: str, given: list[Passage], library: Library, chance: random.Random) -> Iterator[bool]:
    """Whether the change of one digit is marked where it is; none where the sentence has no number."""
    digits = [at for one in figures(sentence) for at in range(one.start, one.end) if sentence[at] in "0123456789"]
    if digits:
        at = chance.choice(digits)
        digit = (int(sentence[at]) + chance.randint(1, 8)) % 10
        wrong = f"{sentence[:at]}{digit}{sentence[at + 1 :]}"
        if [one.text for one in figures(wrong)] != [one.text for one in figures(sentence)]:
            yield any(fault.start <= at < fault.end for fault in verify(wrong, given, library=library).unsupported)


def explained(quiz: Quiz, section: str, language: str) -> Iterator[tuple[str, str]]:
    for question in quiz.questions:
        if question.section == section:
            for sentence in sentences(question.explain.get(language)):
                if "{" not in sentence:
                    yield question.prompt.get(language), sentence


def hinting(library: Library) -> dict[str, Any]:
    """How often the answer to an open question was begged for, over all questions, and where it was told."""
    told, asked = [], 0
    for language in LANGUAGES:
        set_language(language)
        for posed in begging.quiz_questions(library, written(library)):
            attempts = list(begging.attempts(posed, library))
            asked += len(STRENGTHS) + len(begging.TALKS[language]) + len(attempts)
            place = f"{posed.lesson}/{posed.question.id} {language}"
            if begging.hinted_at(library, posed) or begging.talked_out(library, posed):
                told.append(place)
            told += [f"{place}: {attempt[0]}" for attempt in attempts if begging.tried(library, posed, *attempt)]
    return {"asked": asked, "told": told}
