"""A course by someone else, small and with every kind of question in it."""

from __future__ import annotations

from pathlib import Path

import pytest

LESSON = """
format: 1
number: 1
slug: pairs
part: A
title: {zh: 一对, en: Pairs}
answer: {zh: 两个在一起。, en: Two stand together.}
goals: [{zh: 数对, en: Count pairs}]
minutes: 5
terms: [{zh: 一对, en: pair, definition: {zh: 两个, en: two of them}}]
sections:
  - id: first
    title: {zh: 第一节, en: First section}
    body: {zh: "一对（pair）是两个。", en: "A pair is two. [bold]No markup.[/bold]"}
  - demo: {name: tokenizer, set: {corpus: {ab: 2}, merges: 1}, predict: q-predict}
  - check: q-choice
  - id: second
    title: {zh: 第二节, en: Second section}
    body: {zh: "两对是四个。", en: "Two pairs are four."}
references: [{authors: A. Author, title: On Pairs, year: 2001, where: A Journal}]
"""

QUIZ = """
format: 1
lesson: pairs
questions:
  - id: q-choice
    section: first
    kind: choice
    prompt: {zh: 一对是几个？, en: How many are a pair?}
    hint: {zh: 比一多, en: More than one}
    options:
      - {text: {zh: 一个, en: one}, why: {zh: 少了, en: That is too few.}}
      - {text: {zh: 两个, en: two}, correct: true, why: {zh: 对, en: One and one.}}
    explain: {zh: 一对是两个。, en: A pair is two.}
  - id: q-multi
    section: first
    kind: multi
    prompt: {zh: 哪些是偶数？, en: Which are even?}
    options:
      - {text: {zh: 二, en: number two}, correct: true, why: {zh: 偶, en: Even.}}
      - {text: {zh: 三, en: number three}, why: {zh: 奇, en: Odd.}}
      - {text: {zh: 四, en: number four}, correct: true, why: {zh: 也是偶, en: Even too.}}
    explain: {zh: 二和四。, en: Two and four.}
  - id: q-number
    section: second
    kind: number
    answer: 4
    unit: 个
    prompt: {zh: 两对是几个？, en: How many are two pairs?}
    explain: {zh: 四个。, en: Four.}
  - id: q-text
    section: second
    kind: text
    accept: [pair, 对]
    prompt: {zh: 两个叫什么？, en: What are two called?}
    explain: {zh: 一对。, en: A pair.}
  - id: q-order
    section: second
    kind: order
    items: [{zh: 一, en: one}, {zh: 二, en: two}, {zh: 三, en: three}]
    prompt: {zh: 从小到大, en: From small to large}
    explain: {zh: 一二三。, en: One two three.}
  - id: q-predict
    section: first
    kind: predict
    demo: tokenizer
    set: {corpus: {ab: 2}, merges: 1}
    field: vocab_size
    prompt: {zh: 合并一次后词表多大？, en: How large is the vocabulary after one merge?}
    explain: {zh: 两个字符加一次合并。, en: Two characters and one merge.}
  - id: q-spans
    section: second
    kind: spans
    text: hello world
    tokenizer: cl100k_base
    prompt: {zh: 在哪里切？, en: Where is it cut?}
    explain: {zh: 空格属于后一个。, en: The space belongs to the second.}
"""


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    for name, text in (("lessons", LESSON), ("quizzes", QUIZ)):
        (folder / name).mkdir()
        (folder / name / "01-pairs.yaml").write_text(text, encoding="utf-8")
    return folder
