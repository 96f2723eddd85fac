"""The tutor's hands: documented functions with typed parameters, bounded, without side effects.

No shell, no files, no network, and nothing is kept. What a model writes is checked against the function's signature,
and whatever goes wrong comes back as a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tutor.agent.tools.demo import run_demo
from tutor.agent.tools.learner import progress
from tutor.agent.tools.lessons import glossary, read_section, search_lessons
from tutor.agent.tools.signature import checked, function, schema, shown, signature
from tutor.agent.tools.sums import calculate
from tutor.agent.tools.tokens import next_tokens, tokenize
from tutor.agent.tools.workbench import SECONDS, Observation, Workbench, bounded, in_utc
from tutor.content.library import Library
from tutor.demos import registry
from tutor.domain.errors import Cancelled, NotFound, TutorError
from tutor.domain.model import Model
from tutor.store.progress import Progress

__all__ = ["TOOLS", "Observation", "Toolbox"]

TOOLS: dict[str, Callable[..., Observation]] = {
    tool.__name__: tool
    for tool in (search_lessons, read_section, tokenize, next_tokens, run_demo, calculate, glossary, progress)
}
MAX_ENUM = 64  # lessons named in a schema


class Toolbox:
    """The tools over these lessons, this learner and this model.

    `model` opens the model in use and may raise ModelMissing; None where there is none. Observations are in
    `language`, which may be set at any time. `call` and `stop` may be used from two threads.
    """

    def __init__(
        self,
        library: Library,
        progress: Progress | None,
        model: Callable[[], Model] | None,
        language: str = "zh",
        *,
        now: Callable[[], Any] = in_utc,
        seconds: float = SECONDS,
    ) -> None:
        self.language = language
        self._bench = Workbench(library, progress, model, language, now, seconds)

    def schemas(self) -> list[dict[str, Any]]:
        """The tools as a model is told of them, short: of the demos their names."""
        return [self._told(name) for name in TOOLS]

    def grammar_schemas(self) -> list[dict[str, Any]]:
        """The tools for `grammar.gbnf`, in full: the lessons by name, each demo with its own parameters."""
        return [self.narrowed(name) for name in TOOLS]

    def narrowed(self, tool: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The tool in full, with those of its arguments that are known already as the only ones that there are."""
        given = arguments or {}
        if tool == "run_demo":
            names = [given["name"]] if given.get("name") in registry.names() else registry.names()
            variants = [_variant(name, given.get("parameters") or {}) for name in names]
            parameters: dict[str, Any] = {"type": "object", "oneOf": variants}
        else:
            parameters = _fixed(self._told(tool)["function"]["parameters"], given)
            if tool == "read_section" and "lesson" not in given:
                slugs = [entry.slug for entry in self._bench.library.entries() if entry.written]
                if 0 < len(slugs) <= MAX_ENUM:
                    parameters["properties"]["lesson"] = {"type": "string", "enum": slugs}
        return function(tool, signature(TOOLS[tool]).description, parameters)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Observation:
        """What the tool `name` finds. What is wrong with the call, or in the tool, is an observation that failed.

        Raises Cancelled after `stop`.
        """
        bench = self._bench
        bench.language = self.language
        bench.begin()
        try:
            if name not in TOOLS:
                known = ", ".join(TOOLS)
                raise NotFound("There is no tool called {name}; there are {known}.", name=shown(name), known=known)
            tool = TOOLS[name]
            found = tool(bench, **checked(signature(tool), arguments))
        except Cancelled:
            raise
        except TutorError as error:
            return Observation(bounded(bench.say(error.said)), failed=True)
        finally:
            bench.ends_with(None)
        return Observation(bounded(found.text), found.data)

    def stop(self) -> None:
        """End the tool that is under way, from any thread; `call` raises Cancelled. Nothing happens where none is."""
        self._bench.stop()

    def _told(self, name: str) -> dict[str, Any]:
        declared = signature(TOOLS[name])
        parameters = schema(declared.parameters, declared.required)
        if name == "run_demo":
            parameters["properties"]["name"]["enum"] = registry.names()
        return function(name, declared.description, parameters)


def _variant(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of run_demo for one demo: its name, and what may be set of it."""
    offered = [param for param in registry.load(name).PARAMS if param.name != "path"]
    properties = {"name": {"const": name}, "parameters": _fixed(schema(offered), given)}
    return {"type": "object", "properties": properties, "required": ["name", "parameters"]}


def _fixed(parameters: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`parameters` where those `given` can have that value alone, and must be there."""
    properties = parameters["properties"] | {name: {"const": value} for name, value in given.items()}
    return parameters | {"properties": properties, "required": list(dict.fromkeys([*given, *parameters["required"]]))}
