"""The rate of decoding through the program against a bare llama.cpp loop: same file, threads, prompt and batch sizes.

    python -m bench.decode [--rounds N] MODEL.gguf…        prints one JSON document

The two alternate within one run, each in a process of its own at the same priority, and the medians are compared:
a machine that is busy slows both. The program's side is `WorkerModel.decode`, greedy, with the ten most likely
tokens of every step reported; the bare side calls llama_decode and takes the largest logit. With beams the program's
side is `WorkerModel.beam`, and the bare one calls llama_decode on batches of four sequences that share the prompt,
each of which goes on with its own largest logit.
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
BEAMS, BEAM_TOKENS = 4, 16


class Bare:
    """llama.cpp's interface and nothing else."""

    def __init__(self, path: Path, threads: int, ids: list[int], sequences: int) -> None:
        import llama_cpp.llama_cpp as lib

        from tutor.runtime.llama import CHUNK
        from tutor.runtime.worker import NICENESS

        os.nice(NICENESS)
        self.lib, self.ids = lib, ids
        self.quiet = lib.llama_log_callback(lambda *_: None)
        lib.llama_log_set(self.quiet, None)
        lib.llama_backend_init()
        model = lib.llama_model_load_from_file(bytes(path), lib.llama_model_default_params())
        self.size = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
        params = lib.llama_context_default_params()
        params.n_ctx = 1024
        params.n_batch = params.n_ubatch = CHUNK
        params.n_seq_max, params.kv_unified = sequences, sequences > 1
        params.n_threads = params.n_threads_batch = threads
        self.context = lib.llama_init_from_model(model, params)
        self.memory = lib.llama_get_memory(self.context)
        self.batch = lib.llama_batch_init(sequences, 0, 1)

    def best(self, row: int) -> int:
        import numpy as np

        logits = self.lib.llama_get_logits_ith(self.context, row)
        return int(np.ctypeslib.as_array(logits, shape=(self.size,)).argmax())

    def prompt(self) -> int:
        self.lib.llama_memory_clear(self.memory, False)
        prompt = (self.lib.llama_token * len(self.ids))(*self.ids)
        assert self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(prompt, len(self.ids))) == 0
        return self.best(-1)

    def greedy(self) -> tuple[list[float], list[int]]:
        """When each token was known, and the tokens."""
        token = (self.lib.llama_token * 1)()
        times, chosen = [], []
        best = self.prompt()
        while True:
            token[0] = best
            chosen.append(best)
            times.append(time.perf_counter())
            if len(chosen) == TOKENS:
                return times, chosen
            assert self.lib.llama_decode(self.context, self.lib.llama_batch_get_one(token, 1)) == 0
            best = self.best(-1)

    def beams(self) -> tuple[list[float], list[int]]:
        """When each batch was known."""
        chosen = [self.prompt()] * BEAMS
        for sequence in range(1, BEAMS):
            self.lib.llama_memory_seq_cp(self.memory, 0, sequence, -1, -1)
        times = [time.perf_counter()]
        for position in range(len(self.ids), len(self.ids) + BEAM_TOKENS - 1):
            self.batch.n_tokens = BEAMS
            for sequence, id in enumerate(chosen):
                self.batch.token[sequence] = id
                self.batch.pos[sequence] = position
                self.batch.n_seq_id[sequence] = 1
                self.batch.seq_id[sequence][0] = sequence
                self.batch.logits[sequence] = True
            assert self.lib.llama_decode(self.context, self.batch) == 0
            chosen = [self.best(sequence) for sequence in range(BEAMS)]
            times.append(time.perf_counter())
        return times, []


def bare_loop(path: Path, threads: int, ids: list[int], sequences: int) -> None:
    """Answer each line on standard input with the tokens a second of one run, and the tokens of it."""
    bare = Bare(path, threads, ids, sequences)
    for _ in sys.stdin:
        times, chosen = bare.greedy() if sequences == 1 else bare.beams()
        print(json.dumps([rate(times) * sequences, chosen]), flush=True)


def program_greedy(model: WorkerModel) -> tuple[float, list[int]]:
    times, tokens = [], []
    for step in model.decode(PROMPT, Strategy(), max_tokens=TOKENS, top=10, ignore_eos=True):
        times.append(time.perf_counter())
        tokens.append(step.id)
    return rate(times), tokens


def program_beams(model: WorkerModel) -> tuple[float, list[int]]:
    times = []
    for step in model.beam(PROMPT, width=BEAMS, max_tokens=BEAM_TOKENS, ignore_eos=True):
        assert len(step.kept) == BEAMS
        times.append(time.perf_counter())
    return rate(times) * BEAMS, []


def rate(times: list[float]) -> float:
    """Times a second between the first and the last."""
    return (len(times) - 1) / (times[-1] - times[0])


def measure(path: Path, rounds: int, sequences: int) -> dict[str, Any]:
    run = program_greedy if sequences == 1 else program_beams
    with tempfile.TemporaryDirectory() as folder, WorkerModel(path, log=Path(folder) / "log") as model:
        info = model.info()
        ids = list(model.next(PROMPT).ids)
        command = [
            sys.executable,
            "-m",
            "bench.decode",
            "--bare",
            json.dumps([info.threads, ids, sequences]),
            str(path),
        ]
        bare: list[float] = []
        program: list[float] = []
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
            assert process.stdin and process.stdout
            for _ in range(rounds + 1):
                process.stdin.write("\n")
                process.stdin.flush()
                bare_rate, chosen = json.loads(process.stdout.readline())
                program_rate, tokens = run(model)
                assert tokens == chosen, "the two sides decoded different tokens"
                bare.append(bare_rate)
                program.append(program_rate)
            process.stdin.close()
    # The first round fills caches.
    bare, program = bare[1:], program[1:]
    ratios = [ours / theirs for ours, theirs in zip(program, bare, strict=True)]
    return {
        "file": path.name,
        "threads": info.threads,
        "tokens": TOKENS if sequences == 1 else BEAM_TOKENS,
        "beams": sequences,
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
        bare_loop(options.models[0], *json.loads(options.bare))
        return
    measured = {
        name: [measure(path, options.rounds, sequences) for path in options.models]
        for name, sequences in (("decode", 1), ("beam", BEAMS))
    }
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
