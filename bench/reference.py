"""The program against transformers on the same weights: surprise, attention, and the time of a beam search.

    python -m bench.reference            prints one JSON document (`make reference`)
    python -m bench.reference --record   also writes tests/runtime/reference.json, which `make test` compares with

transformers needs torch, so it has an environment of its own: .cache/reference, which `make reference` makes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import report
from bench.programs import as_installed
from bench.screen import MODEL_NAMES
from tests.runtime.raw_llama import write_float32
from tutor.runtime.catalogue import find
from tutor.runtime.client import WorkerModel

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".cache" / "reference" / "bin" / "python"
RECORD = ROOT / "tests" / "runtime" / "reference.json"
TEXTS = (
    "The capital of France is Paris, and the capital of Japan is Tokyo.",
    "def add(a, b):\n    return a + b\n\nprint(add(2, 3))",
    "注意力让每个词元看到它前面的词元，而不必把它们压进一个向量。",
)
PROMPT = "The history of computing begins long before the first machines: people counted with"
WIDTH, TOKENS, ROUNDS = 4, 16, 5
RECORDED_LAYERS = (1, 20)


class Transformers:
    """transformers in its own process, with the weights of `path`."""

    def __init__(self, path: Path, threads: int) -> None:
        script = Path(__file__).with_name("transformers_side.py")
        self._process = subprocess.Popen(
            [str(PYTHON), str(script), str(threads), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )

    def ask(self, operation: str, **values: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"operation": operation, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("transformers ended without an answer")
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def weights(model: WorkerModel, text: str, layer: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(heads, queries, keys)"""
    found = model.attention(text, layer)
    count = len(found.tokens)
    return np.frombuffer(found.weights, dtype="<f4").reshape(found.heads, count, count)


def agreement(model: WorkerModel, other: Transformers, texts: tuple[str, ...], layers: int) -> dict[str, float]:
    """The largest difference of a token's surprise, in nats, and of an attention weight."""
    surprise, attention, mean = 0.0, 0.0, 0.0
    for text in texts:
        mine = model.score(text)
        theirs = np.array(other.ask("score", ids=list(mine.ids)))
        surprise = max(surprise, float(np.abs(np.array(mine.nll) - theirs).max()))
        mean = max(mean, abs(mine.mean_nll - float(theirs.mean())))
        expected = other.ask("attention", ids=list(mine.ids))
        for layer in range(layers):
            difference = np.abs(weights(model, text, layer) - np.array(expected[layer]))
            attention = max(attention, float(difference.max()))
    return {"surprise_nats": surprise, "mean_surprise_nats": mean, "attention": attention}


def beam_seconds(model: WorkerModel) -> float:
    started = time.perf_counter()
    *_, last = model.beam(PROMPT, width=WIDTH, max_tokens=TOKENS, ignore_eos=True)
    assert last.beams
    return time.perf_counter() - started


def race(model: WorkerModel, other: Transformers) -> tuple[list[float], list[float]]:
    """Seconds of each beam search, the two sides taking turns; the first round fills caches."""
    ids = list(model.next(PROMPT).ids)
    ours, theirs = [], []
    for _ in range(ROUNDS + 1):
        ours.append(beam_seconds(model))
        theirs.append(other.ask("beam", ids=ids, width=WIDTH, tokens=TOKENS)["seconds"])
    return ours[1:], theirs[1:]


def with_both(path: Path, work: Callable[[WorkerModel, Transformers, int], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder, WorkerModel(path, log=Path(folder) / "log") as model:
        info = model.info()
        other = Transformers(path, info.threads)
        try:
            return work(model, other, info.layers)
        finally:
            other.close()


def measure(name: str, path: Path, folder: Path) -> dict[str, Any]:
    texts = TEXTS if "qwen" in name else TEXTS[:2]
    report.tell(f"measuring: {name}, quantized")

    def quantized(model: WorkerModel, other: Transformers, layers: int) -> dict[str, Any]:
        ours, theirs = race(model, other)
        return {
            **agreement(model, other, texts, layers),
            "beam_seconds": round(statistics.median(ours), 3),
            "transformers_beam_seconds": round(statistics.median(theirs), 3),
            "times_as_fast": round(statistics.median(t / o for o, t in zip(ours, theirs, strict=True)), 2),
        }

    def float32(model: WorkerModel, other: Transformers, layers: int) -> dict[str, float]:
        return agreement(model, other, texts, layers)

    found = {"quantized": with_both(path, quantized)}
    report.tell(f"measuring: {name}, float32")
    exact = write_float32(path, folder / f"{name}.gguf")
    found["float32"] = with_both(exact, float32)
    exact.unlink()
    return found


def record(path: Path, folder: Path) -> None:
    """What transformers says of SmolLM2 in float32, to compare with where transformers is not."""

    def ask(model: WorkerModel, other: Transformers, _layers: int) -> list[dict[str, Any]]:
        found = []
        for text in TEXTS[:2]:
            ids = list(model.score(text).ids)
            attention = np.array(other.ask("attention", ids=ids))[list(RECORDED_LAYERS)]
            nll = other.ask("score", ids=ids)
            found.append(
                {
                    "text": text,
                    "ids": ids,
                    "nll": [round(each, 5) for each in nll],
                    "layers": list(RECORDED_LAYERS),
                    "attention": np.round(attention, 4).tolist(),
                }
            )
        return found

    exact = write_float32(path, folder / "record.gguf")
    RECORD.write_text(json.dumps(with_both(exact, ask)) + "\n", encoding="utf-8")
    exact.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, as_installed(Path(name)):
        folder = Path(name)
        if options.record:
            record(find(MODEL_NAMES[0]), folder)
        measured = {model: measure(model, find(model), folder) for model in MODEL_NAMES}
    print(json.dumps({"machine": report.machine(), "reference": measured}, indent=2))


if __name__ == "__main__":
    sys.exit(main())
