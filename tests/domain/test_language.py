"""Every sentence of the program exists in both languages. The sentences are read out of the source, not run."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutor.domain import language
from tutor.domain.errors import TutorError
from tutor.domain.language import LOCALE_FOLDER, Text, both, language_from_environment, same, set_language, tr

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "tutor"
PLACE = re.compile(r"\{(\w+)\}")

# Where a sentence is not written in the call itself, and why that is right. (file, argument as written)
NOT_LITERAL = {
    ("tutor/domain/errors.py", "self.template"): "the error shows the sentence it was raised with",
    ("tutor/domain/errors.py", "self.hint_template"): "the error shows the sentence it was raised with",
    ("tutor/domain/errors.py", "self.title_template"): "the error shows the sentence it was raised with",
    ("tutor/runtime/worker_operations.py", "error.template"): "a caught error's sentence, raised as another kind",
    ("tutor/runtime/worker_operations.py", "error.hint_template"): "a caught error's sentence, raised as another kind",
    ("tutor/ui/screens/help.py", "binding.description"): "read above where each Binding is made",
    ("tutor/ui/widgets/bars.py", "binding.description"): "read above where each Binding is made",
    ("tutor/ui/widgets/bars.py", "enter"): "read above where each AnswerInput is made",
    ("tutor/ui/screens/settings.py", "self.app.theme"): "a theme's name; the palette says all of them",
}


@dataclass(frozen=True)
class Sentence:
    """A template as the source has it. `filled` are the names given with it, None where they cannot be seen."""

    text: str
    file: str
    line: int
    filled: frozenset[str] | None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text!r}"


@dataclass(frozen=True)
class Opaque:
    """An argument whose text the source does not show."""

    source: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.source}"


@cache
def trees() -> dict[str, ast.Module]:
    files = sorted(PACKAGE.rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@cache
def error_names() -> frozenset[str]:
    """TutorError and every class in the package that derives from it."""
    names = {"TutorError"}
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while True:
        found = {c.name for c in classes if any(_last_name(base) in names for base in c.bases)} - names
        if not found:
            return frozenset(names)
        names |= found


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _own_names(tree: ast.Module) -> set[str]:
    """Names that a module defines or imports from this package: `click.UsageError` is not ours."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tutor":
            own |= {alias.asname or alias.name for alias in node.names}
    return own


@cache
def own_constructors() -> frozenset[str]:
    """Errors whose own `__init__` takes something else than a sentence, and gives the sentence to TutorError itself."""
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = {c.name for c in classes if any(isinstance(f, ast.FunctionDef) and f.name == "__init__" for f in c.body)}
    return frozenset(own & error_names() - {"TutorError"})


def _sentence_arguments(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.expr]]:
    own = _own_names(tree)
    constructors = {
        id(call)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in own_constructors()
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        root = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        name = _last_name(call.func)
        ours = isinstance(root, ast.Name) and root.id in own
        if id(call) in constructors or (ours and name in error_names() - own_constructors()):
            yield from ((call, argument) for argument in call.args[:1])
            yield from ((call, word.value) for word in call.keywords if word.arg in ("message", "hint", "title"))
        elif ours and name in ("tr", "both"):
            yield from ((call, argument) for argument in call.args[:1])
        elif name == "Binding":
            yield from ((call, argument) for argument in call.args[2:3])  # Textual: key, action, description
        elif name == "AnswerInput":
            yield from ((call, word.value) for word in call.keywords if word.arg == "enter")


def _texts(node: ast.expr, tree: ast.Module, followed: frozenset[str] = frozenset()) -> list[str] | None:
    """The texts an argument may be, None where the source does not show them.

    Followed: a name that the file gives nothing but texts, and an entry of a dict of texts that the file names.
    """
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.IfExp(body=body, orelse=otherwise):
            return _all_texts([body, otherwise], tree, followed)
        case ast.Name(id=name) if name not in followed:
            return _all_texts(_given_to(name, tree), tree, followed | {name})
        case ast.Subscript(value=ast.Name(id=name)):
            given = _given_to(name, tree)
            if len(given) == 1 and isinstance(given[0], ast.Dict):
                return _all_texts(given[0].values, tree, followed | {name})
    return None


def _all_texts(nodes: list[ast.expr], tree: ast.Module, followed: frozenset[str]) -> list[str] | None:
    found = [_texts(node, tree, followed) for node in nodes]
    return None if not nodes or None in found else [text for texts in found for text in texts or ()]


def _given_to(name: str, tree: ast.Module) -> list[ast.expr]:
    """What the file assigns to `name` anywhere, or lets it run through in a loop."""
    given: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            given += [node.value for target in targets if _last_name(target) == name]
        elif isinstance(node, (ast.For, ast.comprehension)) and _last_name(node.target) == name:
            given += node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else [node.iter]
    return given


@cache
def collected() -> tuple[tuple[Sentence, ...], tuple[Opaque, ...]]:
    sentences, opaque = [], []
    for file, tree in trees().items():
        for call, argument in _sentence_arguments(tree):
            texts = _texts(argument, tree)
            if texts is None:
                opaque.append(Opaque(ast.unparse(argument), file, argument.lineno))
                continue
            names = [word.arg for word in call.keywords]
            # What `both` gives may be filled later, language by language.
            unseen = None in names or _last_name(call.func) == "both"
            filled = None if unseen else frozenset(str(name) for name in names)
            sentences += [Sentence(text, file, argument.lineno, filled) for text in texts if text]
    return tuple(sentences), tuple(opaque)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Chinese by file by English."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((LOCALE_FOLDER / "zh").glob("*.json"))
    }


def chinese() -> dict[str, str]:
    return {english: zh for entries in catalogue().values() for english, zh in entries.items()}


def report(problems: list[object]) -> str:
    return f"{len(problems)}:\n" + "\n".join(sorted(map(str, problems)))


def test_the_source_is_found() -> None:
    assert len(collected()[0]) > 50
    assert {"TutorError", "UsageError", "StoreError"} <= error_names()


def test_every_sentence_exists_in_chinese() -> None:
    missing = [sentence for sentence in collected()[0] if not chinese().get(sentence.text)]
    assert not missing, report(missing)


def test_every_sentence_is_written_where_it_is_said() -> None:
    hidden = [found for found in collected()[1] if (found.file, found.source) not in NOT_LITERAL]
    assert not hidden, report(hidden)


def test_the_exceptions_are_still_there() -> None:
    there = {(found.file, found.source) for found in collected()[1]}
    gone = [f"{file}: {source}" for file, source in NOT_LITERAL.keys() - there]
    assert not gone, report(list(gone))


def test_every_place_in_a_sentence_is_filled() -> None:
    unfilled = [s for s in collected()[0] if s.filled is not None and not set(PLACE.findall(s.text)) <= s.filled]
    assert not unfilled, report(unfilled)


def test_both_languages_have_the_same_places() -> None:
    differing = [
        f"{file}: {english!r}"
        for file, entries in catalogue().items()
        for english, zh in entries.items()
        if sorted(set(PLACE.findall(english))) != sorted(set(PLACE.findall(zh)))
    ]
    assert not differing, report(list(differing))


def test_no_translation_is_left_over() -> None:
    # A sentence may reach `tr` through a table, so any text in the source counts as its use; click's own sentences too.
    sources = [path.read_text(encoding="utf-8") for path in sorted(Path(click.__file__).parent.glob("*.py"))]
    constants = {
        node.value
        for tree in [*trees().values(), *map(ast.parse, sources)]
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    stale = [f"{file}: {english!r}" for file, entries in catalogue().items() for english in entries.keys() - constants]
    assert not stale, report(list(stale))


def test_no_sentence_has_two_translations() -> None:
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file, entries in catalogue().items():
        for english, zh in entries.items():
            versions[english][zh].append(file)
    torn = [f"{english!r}: {dict(by_zh)}" for english, by_zh in versions.items() if len(by_zh) > 1]
    assert not torn, report(list(torn))


def test_no_file_names_a_sentence_twice() -> None:
    def once(pairs: list[tuple[str, str]]) -> dict[str, str]:
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), [name for name in names if names.count(name) > 1]
        return dict(pairs)

    for path in (LOCALE_FOLDER / "zh").glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)


# How the two languages behave


def test_a_text_with_one_language_serves_for_both() -> None:
    assert Text(zh="词元").get("en") == "词元"
    assert Text(en="token").get("zh") == "token"
    assert not Text()
    assert same(3) == Text("3", "3")


def test_the_language_spoken_is_one_switch() -> None:
    sentence = "There is no setting {name}."
    set_language("en")
    assert tr(sentence, name="x") == "There is no setting x."
    set_language("zh")
    assert tr(sentence, name="x") == "没有 x 这个设置。"
    assert str(Text("甲", "a")) == "甲"
    assert both(sentence, name="x") == Text("没有 x 这个设置。", "There is no setting x.")
    assert (
        str(TutorError(sentence, hint="Settings: {names}.", name="x", names="y")) == "没有 x 这个设置。 可用的设置：y。"
    )
    with pytest.raises(ValueError, match="zh"):
        set_language("fr")


@given(st.text(max_size=20))
def test_a_value_is_put_in_as_it_is_and_reaches_nothing_else(value: str) -> None:
    assert tr("{value}!", value=value) == f"{value}!"
    assert tr("{value.__class__} {0} {value!r}", value=value) == "{value.__class__} {0} {value!r}"


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "POSIX"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
    ],
)
def test_the_first_start_takes_its_language_from_the_locale(
    variables: dict[str, str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language_from_environment() == code


def test_chinese_is_spoken_where_the_locale_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(language.locale, "getlocale", lambda: (None, None))
    assert language_from_environment() == "zh"
