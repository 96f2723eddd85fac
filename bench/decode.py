"""The rate of decoding through the program against a bare llama.cpp loop: same file, threads, prompt and batch sizes.

    python -m bench.decode [--rounds N] MODEL.gguf…        prints one JSON document

The two alternate within one run, each in a process of its own at the same priority, and the medians are compared:
a machine that is busy slows both. The program's side is `WorkerModel.decode`, greedy, with the ten most likely
tokens of every step reported; the bare side calls llama_decode and takes the largest logit.
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
from pathlib import Path
from typing import Any

from tutor.domain.model import Strategy
from tutor.runtime.client import WorkerModel

PROMPT = "The history of computing begins long before the first machines: people counted with"
TOKENS = 64


def bare_loop(path: Path, threads: int, ids: list[int]) -> None:
    """Answer each line on standard input with the tokens a second of one run, and the tokens of it."""
    import llama_cpp.llama_cpp as lib
    import numpy as np

    from tutor.runtime.llama import CHUNK
    from tutor.runtime.worker import NICENESS

    os.nice(NICENESS)
    quiet = lib.llama_log_callback(lambda *_: None)
    lib.llama_log_set(quiet, None)
    lib.llama_backend_init()
    model = lib.llama_model_load_from_file(bytes(path), lib.llama_model_default_params())
    size = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    params = lib.llama_context_default_params()
    params.n_ctx = 1024
    params.n_batch = params.n_ubatch = CHUNK
    params.n_threads = params.n_threads_batch = threads
    context = lib.llama_init_from_model(model, params)
    prompt = (lib.llama_token * len(ids))(*ids)
    token = (lib.llama_token * 1)()
    for _ in sys.stdin:
        lib.llama_memory_clear(lib.llama_get_memory(context), False)
        assert lib.llama_decode(context, lib.llama_batch_get_one(prompt, len(ids))) == 0
        times, chosen = [], []
        while True:
            logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, -1), shape=(size,))
            token[0] = int(logits.argmax())
            chosen.append(token[0])
            times.append(time.perf_counter())
            if len(chosen) == TOKENS:
                break
            assert lib.llama_decode(context, lib.llama_batch_get_one(token, 1)) == 0
        print(json.dumps([rate(times), chosen]), flush=True)


def rate(times: list[float]) -> float:
    """Tokens a second between the first and the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def measure(path: Path, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, WorkerModel(path, log=Path(folder) / "log") as model:
        info = model.info()
        ids = list(model.next(PROMPT).ids)
        command = [sys.executable, "-m", "bench.decode", "--bare", json.dumps([info.threads, ids]), str(path)]
        bare: list[float] = []
        program: list[float] = []
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
            assert process.stdin and process.stdout
            for _ in range(rounds + 1):
                process.stdin.write("\n")
                process.stdin.flush()
                bare_rate, chosen = json.loads(process.stdout.readline())
                times, tokens = [], []
                for step in model.decode(PROMPT, Strategy(), max_tokens=TOKENS, top=10, ignore_eos=True):
                    times.append(time.perf_counter())
                    tokens.append(step.id)
                assert tokens == chosen, "the two sides decoded different tokens"
                bare.append(bare_rate)
                program.append(rate(times))
            process.stdin.close()
    # The first round fills caches.
    bare, program = bare[1:], program[1:]
    ratios = [ours / theirs for ours, theirs in zip(program, bare, strict=True)]
    return {
        "file": path.name,
        "threads": info.threads,
        "tokens": TOKENS,
        "bare_tokens_per_second": round(statistics.median(bare), 1),
        "tokens_per_second": round(statistics.median(program), 1),
        "ratio_of_medians": round(statistics.median(program) / statistics.median(bare), 3),
        "median_of_ratios": round(statistics.median(ratios), 3),
        "best_ratio": round(max(program) / max(bare), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bare", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        threads, ids = json.loads(options.bare)
        bare_loop(options.models[0], threads, ids)
    else:
        print(json.dumps({"decode": [measure(path, options.rounds) for path in options.models]}, indent=2))


if __name__ == "__main__":
    main()
