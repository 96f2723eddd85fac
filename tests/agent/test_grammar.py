"""Whatever the grammar admits is a call that can be read and is valid: strings are drawn from it and checked."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import llama_cpp.llama_cpp as lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import count
from tutor.agent import calls
from tutor.agent.grammar import gbnf
from tutor.agent.tools import TOOLS, Toolbox
from tutor.agent.tools.signature import checked, signature
from tutor.content.library import Library
from tutor.demos import registry


class Sampler:
    """Draws strings from a GBNF grammar, as far as it is used here (llama.cpp, grammars/README.md).

    `greedy` takes the most that every repetition admits.
    """

    TOKEN = re.compile(
        r'\s*(?:("(?:[^"\\]|\\.)*")|(\[(?:[^\]\\]|\\.)*\])|([A-Za-z][\w-]*)|([()|*+?])|(\{\d+(?:,\d*)?\}))'
    )

    def __init__(self, grammar: str) -> None:
        self.rules: dict[str, Any] = {}
        for line in grammar.strip().split("\n"):
            name, _, body = line.partition(" ::= ")
            self.tokens, self.at = self._cut(body), 0
            self.rules[name] = self._ways()
            assert self.at == len(self.tokens), line

    def _cut(self, body: str) -> list[str]:
        tokens, at = [], 0
        while at < len(body.rstrip()):
            found = self.TOKEN.match(body, at)
            assert found, body[at:]
            tokens.append(found[0].strip())
            at = found.end()
        return tokens

    def _ways(self) -> Any:
        ways = [self._sequence()]
        while self.at < len(self.tokens) and self.tokens[self.at] == "|":
            self.at += 1
            ways.append(self._sequence())
        return ("ways", ways)

    def _sequence(self) -> Any:
        items = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in ")|":
            item = self._item()
            while self.at < len(self.tokens) and self.tokens[self.at][0] in "*+?{":
                item = ("repeat", item, self.tokens[self.at])
                self.at += 1
            items.append(item)
        return ("sequence", items)

    def _item(self) -> Any:
        token = self.tokens[self.at]
        self.at += 1
        if token == "(":
            inner = self._ways()
            assert self.tokens[self.at] == ")"
            self.at += 1
            return inner
        kind = {'"': "literal", "[": "class"}.get(token[0], "rule")
        return (kind, token)

    def draw(self, chance: random.Random, node: Any = None) -> str:
        node = node or ("rule", "root")
        match node[0]:
            case "ways":
                return self.draw(chance, chance.choice(node[1]))
            case "sequence":
                return "".join(self.draw(chance, each) for each in node[1])
            case "repeat":
                low, high = {"*": (0, 5), "+": (1, 5), "?": (0, 1)}.get(node[2]) or self._times(node[2])
                times = chance.choice([low, high, chance.randint(low, high)])
                return "".join(self.draw(chance, node[1]) for _ in range(times))
            case "literal":
                return self._plain(node[1][1:-1])
            case "class":
                return self._one_of(node[1][1:-1], chance)
            case _:
                return self.draw(chance, self.rules[node[1]])

    @staticmethod
    def _times(written: str) -> tuple[int, int]:
        low, _, high = written[1:-1].partition(",")
        return int(low), int(high or low)

    @staticmethod
    def _plain(written: str) -> str:
        return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1]), written)

    def _one_of(self, written: str, chance: random.Random) -> str:
        negative = written.startswith("^")
        characters = re.findall(r"\\x[0-9a-f]{2}|\\.|[^\\]", written.removeprefix("^"))
        spelled = [chr(int(c[2:], 16)) if c.startswith("\\x") else self._plain(c) for c in characters]
        ranges, at = [], 0
        while at < len(spelled):
            if at + 2 < len(spelled) and characters[at + 1] == "-":
                ranges.append((ord(spelled[at]), ord(spelled[at + 2])))
                at += 3
            else:
                ranges.append((ord(spelled[at]), ord(spelled[at])))
                at += 1
        if not negative:
            low, high = chance.choice(ranges)
            return chr(chance.choice([low, high, chance.randint(low, high)]))
        while True:
            code = chance.choice(
                [chance.randint(32, 126), chance.randint(0x80, 0xD7FF), chance.randint(0xE000, 0x10FFFF)]
            )
            if not any(low <= code <= high for low, high in ranges):
                return chr(code)


@pytest.fixture(scope="module")
def toolbox(library: Library) -> Toolbox:
    return Toolbox(library, None, None, "en")


def sound(text: str, schemas: list[dict[str, Any]]) -> None:
    """Reads one call, which its schema, its tool's signature and its demo allow."""
    assert text.startswith("<tool_call>\n") and text.endswith("\n</tool_call>")
    said, (call, *others) = calls.read(text)
    assert said == "" and not others
    schema = next(each["function"] for each in schemas if each["function"]["name"] == call.tool)
    jsonschema.validate(call.arguments, schema["parameters"])
    arguments = checked(signature(TOOLS[call.tool]), call.arguments)
    if call.tool == "run_demo":
        registry.prepare(registry.load(arguments["name"]), arguments["parameters"])


@pytest.mark.parametrize("part", range(4))
def test_what_the_grammar_admits_is_a_valid_call(toolbox: Toolbox, part: int) -> None:
    schemas = toolbox.grammar_schemas()
    sampler = Sampler(gbnf(schemas))
    for seed in range(count(2000) // 4):
        sound(sampler.draw(random.Random(seed * 4 + part)), schemas)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_each_tool_alone_has_its_grammar(toolbox: Toolbox, tool: str) -> None:
    schemas = [toolbox.narrowed(tool)]
    sampler = Sampler(gbnf(schemas))
    for seed in range(20):
        sound(sampler.draw(random.Random(seed)), schemas)


def test_arguments_that_are_known_are_the_only_ones_admitted(toolbox: Toolbox) -> None:
    schemas = [toolbox.narrowed("tokenize", {"text": '最低 "x"\n\\', "tokenizer": "qwen"})]
    text = Sampler(gbnf(schemas)).draw(random.Random(0))
    sound(text, schemas)
    assert calls.read(text)[1][0].arguments == {"text": '最低 "x"\n\\', "tokenizer": "qwen"}
    schemas = [toolbox.narrowed("run_demo", {"name": "decoding", "parameters": {"strategy": "beam"}})]
    for seed in range(20):
        text = Sampler(gbnf(schemas)).draw(random.Random(seed))
        sound(text, schemas)
        arguments = calls.read(text)[1][0].arguments
        assert arguments["name"] == "decoding"
        assert arguments["parameters"]["strategy"] == "beam"


def test_none_is_a_way_out_only_where_it_is_asked_for(toolbox: Toolbox) -> None:
    with_none, without = (Sampler(gbnf(toolbox.grammar_schemas(), or_none=way)) for way in (True, False))
    drawn = {with_none.draw(random.Random(seed)) for seed in range(40)}
    assert "none" in drawn and len(drawn) > 2
    assert "none" not in {without.draw(random.Random(seed)) for seed in range(40)}


def numbers(bounds: dict[str, Any], kind: str) -> Callable[[int], float]:
    parameters = {"type": "object", "properties": {"n": {"type": kind, **bounds}}, "required": ["n"]}
    sampler = Sampler(
        gbnf([{"type": "function", "function": {"name": "f", "description": "", "parameters": parameters}}])
    )
    return lambda seed: calls.read(sampler.draw(random.Random(seed)))[1][0].arguments["n"]


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.integers(0, 2**32))
@settings(max_examples=count(2000))
def test_whole_numbers_stay_between_their_bounds(low: int, width: int, seed: int) -> None:
    value = numbers({"minimum": low, "maximum": low + width}, "integer")(seed)
    assert isinstance(value, int) and low <= value <= low + width


def test_every_whole_number_between_the_bounds_can_be_written() -> None:
    for low, high in ((0, 12), (7, 31), (-15, 12), (-9, -3), (95, 105), (998, 1003), (0, 0)):
        draw = numbers({"minimum": low, "maximum": high}, "integer")
        assert {draw(seed) for seed in range(4000)} == set(range(low, high + 1))


@given(st.floats(-1000, 1000), st.floats(0, 1000), st.integers(0, 2**32))
@settings(max_examples=count(2000))
def test_numbers_stay_between_their_bounds(low: float, width: float, seed: int) -> None:
    assert low <= numbers({"minimum": low, "maximum": low + width}, "number")(seed) <= low + width


def test_llama_cpp_accepts_the_grammars(toolbox: Toolbox, smollm: Path) -> None:
    settings_of_model = lib.llama_model_default_params()
    settings_of_model.vocab_only = True
    model = lib.llama_model_load_from_file(str(smollm).encode(), settings_of_model)
    assert model
    try:
        vocabulary = lib.llama_model_get_vocab(model)
        whole = gbnf(toolbox.grammar_schemas(), or_none=True)
        alone = [gbnf([toolbox.narrowed(name)]) for name in TOOLS]
        fixed = gbnf([toolbox.narrowed("tokenize", {"text": '最低 "x"\n\\\t'})])
        for grammar in (whole, *alone, fixed):
            sampler = lib.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
            assert sampler, grammar
            lib.llama_sampler_free(sampler)
        assert not lib.llama_sampler_init_grammar(vocabulary, b"root ::= (", b"root"), "it does refuse others"
    finally:
        lib.llama_model_free(model)
