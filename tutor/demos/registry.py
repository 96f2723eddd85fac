"""Demos are found by looking into this folder: a new demo is one file here, and nothing else changes.

A demo called `gpt4-chinese` is the module `gpt4_chinese.py`; modules whose names begin with `_` are no demos.
"""

from __future__ import annotations

import difflib
import importlib
import json
import math
import pkgutil
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import tutor.demos
from tutor.domain.demo import Demo, Param, Params, Step
from tutor.domain.errors import Cancelled, ModelMissing, NotFound, UsageError
from tutor.domain.language import Text, both, same
from tutor.domain.model import Model
from tutor.domain.plaintext import visible

MAX_JSON_CHARACTERS = 1_000_000
MAX_INTEGER = 10**18  # fits an int64 array; anything above is a slip of the keyboard
SHOWN_CHARACTERS = 60

Value = TypeVar("Value")

_PATH = re.compile(r"[^.\[\]]+(\[-?\d{1,9}\]|\.[^.\[\]]+)*")
_PATH_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d{1,9})\]")

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


def names() -> list[str]:
    """The demos there are, in alphabetical order. Nothing is imported."""
    found = (module.name for module in pkgutil.iter_modules(tutor.demos.__path__))
    return sorted(name.replace("_", "-") for name in found if name != "registry" and not name.startswith("_"))


def load(name: str) -> Demo:
    """The demo called `name`. Raises NotFound with what it might have meant."""
    known = names()
    if name not in known:
        raise NotFound("There is no demo called {name}.", name=_shown(name), **_suggestion(name, known))
    return cast(Demo, importlib.import_module(f"tutor.demos.{name.replace('-', '_')}"))


def prepare(demo: Demo, given: Mapping[str, object] | None = None) -> Params:
    """Every parameter of `demo`: the value in `given`, checked, or its default.

    A string is read by the parameter's kind, as it comes from `--set name=value`. Raises UsageError that names
    the parameter, what it may be, and the value given.
    """
    given = in_language(given or {})
    known = [param.name for param in demo.PARAMS]
    for name in given:
        if name not in known:
            raise UsageError("There is no parameter `{name}`.", name=_shown(name), **_suggestion(name, known))
    return {param.name: parse(param, given.get(param.name, param.default)) for param in demo.PARAMS}


def in_language(given: Mapping[str, Any], language: str | None = None) -> dict[str, Any]:
    """`given` as it reads in `language` (default: the current one): a text may be written as {zh: …, en: …}."""
    return {name: Text(**value).get(language) if _in_two_languages(value) else value for name, value in given.items()}


def _in_two_languages(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"zh", "en"} and all(isinstance(v, str) for v in value.values())


def wants_model(name: str, given: Mapping[str, object] | None = None) -> bool:
    """Whether the demo, run with `given`, works on a model. Raises NotFound, UsageError.

    A demo that needs one only for some parameters offers `needs_model(params) -> bool` beside `NEEDS_MODEL = True`.
    """
    demo = load(name)
    return _wants_model(demo, prepare(demo, given))


def model_named(name: str, given: Mapping[str, object] | None = None) -> str:
    """The name or path of the model that the demo, run with `given`, is about; empty for the one in use.

    A demo that lets its reader say offers `model_named(params) -> str`. Raises NotFound, UsageError.
    """
    demo = load(name)
    named: Callable[[Params], str] | None = getattr(demo, "model_named", None)
    return named(prepare(demo, given)) if named is not None else ""


def _wants_model(demo: Demo, params: Params) -> bool:
    if not demo.NEEDS_MODEL:
        return False
    depends: Callable[[Params], bool] | None = getattr(demo, "needs_model", None)
    return depends is None or depends(params)


def parse(param: Param, value: object) -> Any:
    """`value` as `param` wants it. Raises UsageError."""
    return _PARSERS[param.kind](param, value)


def run(name: str, given: Mapping[str, object] | None = None, model: Model | None = None) -> tuple[list[Step], Params]:
    """All steps of the demo and its result. Raises NotFound, UsageError, ModelMissing, and what the demo raises."""
    demo_run = DemoRun(name, given, model)
    result = demo_run.finish()
    return demo_run.steps, result


def look_up(result: Any, path: str) -> Any:
    """The value at `path` in a demo's result: `loss`, `merges[0]`, `layers[2].top[-1].text`. Raises NotFound."""
    if not _PATH.fullmatch(path):
        raise NotFound("{path} is no path into a result, such as merges[0] or layers[2].top.", path=_shown(path))
    value = result
    for name, index in _PATH_STEP.findall(path):
        try:
            value = value[name] if name else value[int(index)]
        except (KeyError, IndexError, TypeError):
            raise NotFound("The demo's result has no {path}.", path=_shown(path)) from None
    return value


class DemoRun:
    """A demo under way: its steps are computed as they are looked at, and kept, so that stepping back is an index.

    `step`, `finish` may run in a thread while another calls `stop`; only one thread computes at a time.
    """

    def __init__(self, name: str, given: Mapping[str, object] | None = None, model: Model | None = None) -> None:
        """Raises NotFound, UsageError, or ModelMissing. Computes nothing yet."""
        self.name = name
        self.demo = load(name)
        self.params = prepare(self.demo, given)
        if model is None and _wants_model(self.demo, self.params):
            raise ModelMissing(
                "The demo {name} needs a model.", hint="`qwtutor models pull` fetches the default one.", name=name
            )
        self.steps: list[Step] = []
        self.result: dict[str, Any] | None = None
        self._failure: BaseException | None = None
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._generator = self.demo.steps(self.params, model)

    @property
    def known(self) -> int:
        """How many steps have been computed so far."""
        return len(self.steps)

    @property
    def finished(self) -> bool:
        """Whether the demo has come to its end: then `known` is how many steps there are, and `result` is there."""
        return self.result is not None

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def step(self, index: int) -> Step | None:
        """The step at `index` (from 0), computed if it is not known yet; None past the end.

        Raises Cancelled when stopped before that step, and whatever the demo raises, again at each later call.
        """
        with self._lock:
            while self.known <= index and not self.finished:
                self._advance()
        return self.steps[index] if index < self.known else None

    def finish(self) -> dict[str, Any]:
        """Computes all that is left and returns the result. Raises as `step` does."""
        with self._lock:
            while self.result is None:
                self._advance()
            return self.result

    def stop(self) -> None:
        """Computes no further. At once where nothing is being computed, else when the step under way is done."""
        self._stopped.set()
        if self._lock.acquire(blocking=False):
            try:
                self._generator.close()
            finally:
                self._lock.release()

    def _advance(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.stopped:
            self._generator.close()
            raise Cancelled("The demo was stopped.")
        try:
            self.steps.append(next(self._generator))
        except StopIteration as end:
            self.result = end.value or {}
        except BaseException as failure:
            # Kept and raised again: asked once more, an exhausted generator would claim to have ended well.
            self._failure = failure
            raise


def _parse_number(param: Param, value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise _refusal(param, value, both("a number")) from None
    if not math.isfinite(number):
        raise _refusal(param, value, both("a finite number"))
    return _bounded(param, number, number)


def _parse_int(param: Param, value: object) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        number = _whole(value)
    except (ValueError, OverflowError):
        raise _refusal(param, value, both("a whole number")) from None
    if abs(number) > MAX_INTEGER:
        raise _refusal(param, value, both("a whole number of at most 18 digits"))
    return _bounded(param, number, number)


def _whole(value: float | str) -> int:
    """`value` as an int; 7e9 counts as one. Raises ValueError, OverflowError."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            value = float(value)
    number = int(value)
    if number != value:
        raise ValueError
    return number


def _parse_text(param: Param, value: object) -> str:
    if not isinstance(value, str):
        raise _refusal(param, value, both("text"))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _refusal(param, value, both("valid Unicode text")) from None
    return _bounded(param, value, len(value), both("characters"))


def _parse_bool(param: Param, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _TRUE + _FALSE:
        raise _refusal(param, value, same("true / false"))
    return word in _TRUE


def _parse_choice(param: Param, value: object) -> str:
    if not isinstance(value, str) or value not in param.choices:
        raise _refusal(param, value, both("one of {choices}", choices=", ".join(param.choices)))
    return value


def _parse_json(param: Param, value: object) -> Any:
    data = _read_json(param, value) if isinstance(value, str) else _copy_json(param, value)
    if not _plain(data):
        raise _refusal(param, value, both("plain JSON data with finite numbers"))
    if isinstance(data, str):
        return _bounded(param, data, len(data), both("characters"))
    return _bounded(param, data, len(data) if isinstance(data, (list, dict)) else 1, both("entries"))


def _copy_json(param: Param, value: object) -> Any:
    try:
        # A round trip copies the value and refuses what JSON does not hold: NaN, infinity, sets, loops.
        return json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        raise _refusal(param, value, both("plain JSON data with finite numbers")) from None


def _read_json(param: Param, text: str) -> Any:
    """JSON in `text`; or `text` itself, where the default is a string: that says "a JSON list or object, or text"."""
    if len(text) > MAX_JSON_CHARACTERS:
        raise _refusal(param, text, both("at most 1 MB of JSON"))
    takes_text = isinstance(param.default, str)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        if takes_text and not text.lstrip().startswith(("[", "{")):
            return text
        raise _refusal(param, text, both("JSON, such as {example}", example=_example(param))) from None
    return data if isinstance(data, (list, dict)) or not takes_text else text


def _example(param: Param) -> str:
    return _shown(param.default if isinstance(param.default, str) else json.dumps(param.default, ensure_ascii=False))


def _plain(value: object) -> bool:
    """Whether all numbers within are finite and of a size that numpy holds, and all strings can be encoded."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str):
            if any("\ud800" <= character <= "\udfff" for character in item):
                return False
        elif isinstance(item, (int, float)) and not _sound(item):
            return False
    return True


def _sound(number: float) -> bool:
    return abs(number) <= MAX_INTEGER if isinstance(number, int) else math.isfinite(number)


_PARSERS: dict[str, Callable[[Param, object], Any]] = {
    "int": _parse_int,
    "float": _parse_number,
    "text": _parse_text,
    "bool": _parse_bool,
    "choice": _parse_choice,
    "json": _parse_json,
}


def _bounded(param: Param, value: Value, size: float, unit: Text | None = None) -> Value:
    """`value`, if `size` (the number itself, or how many `unit` it has) lies within the bounds of `param`."""
    if (param.low is None or size >= param.low) and (param.high is None or size <= param.high):
        return value
    bounds, given = _bounds(param), _number(size)
    if unit is None:
        raise UsageError("`{name}` must be {bounds}, not {given}.", name=param.name, bounds=bounds, given=given)
    raise UsageError(
        "`{name}` must have {bounds} {unit}, not {given}.", name=param.name, bounds=bounds, unit=unit, given=given
    )


def _bounds(param: Param) -> Text:
    if param.high is None:
        return both("at least {low}", low=_number(param.low or 0))
    if param.low is None:
        return both("at most {high}", high=_number(param.high))
    return both("from {low} to {high}", low=_number(param.low), high=_number(param.high))


def _number(value: float) -> str:
    """A bound or a value as a person writes it: 200, not 200.0."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def _refusal(param: Param, value: object, wanted: Text) -> UsageError:
    return UsageError("`{name}` must be {wanted}, not {given}.", name=param.name, wanted=wanted, given=_shown(value))


def _shown(value: object) -> str:
    """`value` as it may stand in a sentence: one line, short, without control characters."""
    try:
        text = visible(value if isinstance(value, str) else repr(value))
    except (ValueError, RecursionError):
        return type(value).__name__  # an int too long for decimal digits, or data nested too deep
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _suggestion(name: str, known: list[str]) -> dict[str, str]:
    """What to say after an unknown name: the hint and its values."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return {"hint": "Did you mean `{close}`?", "close": close[0]}
    return {"hint": "There are: {known}.", "known": ", ".join(known)} if known else {}
