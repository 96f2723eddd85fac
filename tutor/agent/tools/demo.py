"""The tool that runs a demo, and how its result is told in a few lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from itertools import islice
from typing import Annotated, Any

from tutor.agent.tools.signature import Bounds, shown
from tutor.agent.tools.workbench import Observation, Workbench
from tutor.demos import registry
from tutor.domain.errors import Cancelled, ModelMissing, TutorError, UsageError
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

ITEMS = 6  # of a list
DEPTH = 3
VALUE_CHARACTERS = 160

_PATHS = ("path", "file", "folder")


def run_demo(
    at: Workbench,
    name: Annotated[str, "Which demo", Bounds(1, 60)],
    parameters: Annotated[dict[str, Any] | None, "The demo's own parameters; others keep their defaults"] = None,
) -> Observation:
    """Run one of the lessons' demos and give its results."""
    given = parameters or {}
    _refuse_paths(name, given)
    with ExitStack() as opened:
        model = _model_for(at, name, given, opened)
        run = registry.DemoRun(name, given, model)
        result = _finished(at, run, getattr(model, "cancel", None))
    lines = [f"{at.say(run.demo.TITLE)} ({name})"]
    lines += [f"{key} = {_told(run.params[key])}" for key in given]
    # Numbers before lists: what is cut off at the end is then the longest.
    results = sorted(result.items(), key=lambda each: isinstance(each[1], (dict, list, tuple)))
    lines += [f"{visible(str(key))}: {_told(value)}" for key, value in results]
    return Observation("\n".join(lines), {"demo": name, "parameters": {key: run.params[key] for key in given}})


def _refuse_paths(name: str, given: Mapping[str, Any]) -> None:
    """Raises UsageError where `given` leads to a file; a demo about a model's file may name one that there is."""
    from tutor.runtime import catalogue

    for key, value in given.items():
        if key not in _PATHS and not key.endswith("_path"):
            continue
        known = {entry.name for entry in catalogue.models() if catalogue.state(entry) in ("installed", "unchecked")}
        if value not in ("", *known) or not hasattr(registry.load(name), "model_named"):
            raise UsageError(
                "`{name}` must be {wanted}, not {given}.",
                name=shown(key),
                wanted=", ".join(sorted(known)) or '""',
                given=shown(value),
            )


def _model_for(at: Workbench, name: str, given: Mapping[str, Any], opened: ExitStack) -> Model | None:
    """The model that the demo works on: the one in use, another that it names, or none where it needs none."""
    from tutor.runtime import catalogue
    from tutor.runtime.client import WorkerModel
    from tutor.runtime.without import without_model

    if not registry.wants_model(name, given):
        return without_model()
    if named := registry.model_named(name, given):
        return opened.enter_context(WorkerModel(catalogue.find(named), name=named))
    model = at.opened()
    if model is None:
        raise ModelMissing(
            "The demo {name} needs a model.", hint="`qwtutor models pull` fetches the default one.", name=name
        )
    return model


def _finished(at: Workbench, run: registry.DemoRun, cancel: Callable[[], None] | None) -> dict[str, Any]:
    """The demo's result. Raises TutorError where it takes longer than a tool may, Cancelled where it was stopped."""
    late = threading.Event()

    def stop() -> None:
        run.stop()
        if cancel is not None:
            cancel()

    def give_up() -> None:
        late.set()
        stop()

    at.ends_with(stop)
    timer = threading.Timer(at.seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        return run.finish()
    except Cancelled:
        if not late.is_set():
            raise
        raise TutorError(
            "The demo {name} was stopped after {seconds} s; it has shown {steps} steps.",
            hint="Give it less to do, or open it to see all of it.",
            name=run.name,
            seconds=f"{at.seconds:g}",
            steps=run.known,
        ) from None
    finally:
        timer.cancel()


def _told(value: Any, depth: int = 0) -> str:
    """`value` in a line: the first of a long list, numbers to six digits."""
    match value:
        case bool() | None:
            text = str(value).lower()
        case float():
            text = f"{value:.6g}"
        case dict() | list() | tuple() if depth == DEPTH:
            text = f"({len(value)})"
        case dict():
            pairs = islice(value.items(), ITEMS)
            text = _listed((f"{visible(str(key))}: {_told(each, depth + 1)}" for key, each in pairs), len(value))
            text = f"{{{text}}}"
        case list() | tuple():
            text = f"[{_listed((_told(each, depth + 1) for each in value[:ITEMS]), len(value))}]"
        case _:
            text = visible(str(value))
    return text if len(text) <= VALUE_CHARACTERS else text[: VALUE_CHARACTERS - 3] + "..."


def _listed(items: Iterable[str], count: int) -> str:
    return ", ".join(items) + (f", ... ({count})" if count > ITEMS else "")
