"""The model in memory: llama.cpp's low-level interface, and the tokens its context holds. Runs in the worker."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np

from tutor.decoding.distribution import Logits
from tutor.domain.errors import Cancelled, ModelFailed, TutorError, UsageError
from tutor.domain.plaintext import clean
from tutor.runtime.ggml import graphics_devices
from tutor.runtime.vocabulary import Vocabulary

# Tokens evaluated at once. Below 64, llama.cpp attends row by row whatever the size, so that a prompt, a score and
# decoding token by token round alike and agree to the bit (measured with SmolLM2; from 64 on, logprobs move by up to
# 0.2 nats, no nearer to float32). It costs 5 % of a prompt's speed on two cores (219 tokens a second instead of 231).
CHUNK = 32
# Tokens that are multiplied one row at a time, as a token alone is: from 4 rows on, kernels for repacked 4-bit k-quants
# take four together and round otherwise (Qwen's logits move by up to 0.3; SmolLM2's not at all).
ALIKE = 3
# Rows of logits computed at once: a stop is heard between two steps of a graph, and this many times 151,936 outputs
# are the longest of them (60 ms for 0.5 billion parameters on two cores). 16 rows are 10 MB.
ROWS = 16
FIRST_CONTEXT = 1024
MAX_CONTEXT = 8192
MAX_BEAMS = 16
ABORTED = 2
# enum llama_ftype, as metadata has it.
ALL_F32 = b"0"
# enum ggml_log_level
WARNING, CONTINUED = 3, 5


class AbortFlag:
    """Stops a computation inside llama.cpp, from another thread.

    llama.cpp asks a C function at every node of its graph, about 800 times a token; a Python function there
    costs milliseconds a token. libc's strlen has the right shape, bool f(void *): of an empty buffer it is 0.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(2)
        self.address = ctypes.addressof(self._buffer)
        # Windows keeps its C library apart from the process.
        libc = ctypes.CDLL("msvcrt" if sys.platform == "win32" else None)
        self.callback = ctypes.cast(libc.strlen, lib.ggml_abort_callback)

    def set(self) -> None:
        self._buffer[0] = b"\x01"

    def clear(self) -> None:
        self._buffer[0] = b"\x00"

    def __bool__(self) -> bool:
        return bool(self._buffer[0] != b"\x00")

    def check(self) -> None:
        """Raises Cancelled where the flag is set."""
        if self:
            raise Cancelled("Stopped.")


Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Held:
    """What a context held after the tokens `ids`, evaluated in whole chunks."""

    ids: tuple[int, ...]
    state: ctypes.Array[Any]


class Engine:
    """A model and one context, which holds the tokens evaluated last.

    Prompts are evaluated in chunks that begin at multiples of CHUNK. Chunks that the next prompt begins with are
    not evaluated again; because nothing else is reused, a prompt's logits are the same bit for bit, whatever
    was asked before, and one seed gives one text. Only `look` reuses all that is held.

    `calls` counts the batches that llama.cpp has computed, `evaluated` the tokens in them.
    """

    def __init__(self, path: Path, threads: int, abort: AbortFlag, progress: Progress) -> None:
        self.threads = threads
        self.abort = abort
        self.calls = self.evaluated = 0
        lib.llama_log_set(_log, None)
        lib.llama_backend_init()
        self._model = self._load(path, progress)
        self.vocabulary = Vocabulary(self._model)
        if not self.vocabulary.size or lib.llama_model_has_encoder(self._model):
            raise ModelFailed("{file} is no model that generates text token by token.", file=path.name)
        self.max_context = max(CHUNK, min(lib.llama_model_n_ctx_train(self._model), MAX_CONTEXT))
        self._exact = _metadata(self._model, b"general.file_type") == ALL_F32
        self._context: Any = None
        self._batch = lib.llama_batch_init(CHUNK, 0, 1)
        self._open(min(FIRST_CONTEXT, self.max_context), sequences=1)

    def _load(self, path: Path, progress: Progress) -> Any:
        params = lib.llama_model_default_params()
        # The file is mapped, so that many readers on one machine share its pages.
        params.load_mode = lib.LLAMA_LOAD_MODE_MMAP
        params.n_gpu_layers = -1 if lib.llama_supports_gpu_offload() else 0

        def on_progress(fraction: float, _data: object) -> bool:
            progress(fraction)
            return not self.abort

        # The name keeps the callback alive while llama.cpp holds it.
        params.progress_callback = callback = lib.llama_progress_callback(on_progress)
        model = lib.llama_model_load_from_file(bytes(path), params)
        del callback
        self.abort.check()
        if not model:
            raise ModelFailed(
                "llama.cpp cannot load {file}.",
                hint="Its file is damaged, or of a kind that this version does not know.",
                file=clean(path.name),
            )
        return model

    def _open(self, size: int, sequences: int) -> None:
        """A context for `size` tokens in so many sequences, which share the cells of what they have in common."""
        if self._context:
            lib.llama_free(self._context)
        self._cells: list[int] = []
        # How many of them were evaluated in whole chunks, and how many as a prompt: the others were added to it.
        self._whole = self._prompted = 0
        # Whether the last row of logits is that after all of them.
        self._at_end = False
        self._context = self.new_context(
            size,
            n_seq_max=sequences,
            # Otherwise each sequence has cells of its own, and a copy of part of one aborts the process.
            kv_unified=sequences > 1,
            # llama.cpp reserves a row for every sequence there may be.
            n_outputs_max=max(ROWS, sequences),
            n_outputs_max_per_seq=max(ROWS, sequences),
        )
        self._memory = lib.llama_get_memory(self._context)
        self._size = size
        self._sequences = sequences

    def new_context(self, size: int, **settings: Any) -> Any:
        """A context of llama.cpp for `size` tokens, with more of its parameters in `settings`; the caller frees it."""
        params = lib.llama_context_default_params()
        params.n_ctx = size
        params.n_batch = params.n_ubatch = CHUNK
        if self._exact:
            # The cache of a model in float32 is in float32 too: 16 bits would move log-probabilities by up to 0.002.
            params.type_k = params.type_v = lib.GGML_TYPE_F32
            params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.n_threads = params.n_threads_batch = self.threads
        params.abort_callback = self.abort.callback
        params.abort_callback_data = self.abort.address
        for name, value in settings.items():
            setattr(params, name, value)
        context = lib.llama_init_from_model(self._model, params)
        if not context:
            raise ModelFailed("There is not enough memory for a context of {size} tokens.", size=size)
        return context

    def _reserve(self, tokens: int, *, sequences: int = 1, cells: int = 0) -> None:
        """Have a context for texts of `tokens` tokens, with `cells` tokens in all where there are several."""
        if tokens > self.max_context:
            raise UsageError(
                "The text comes to {tokens} tokens; at most {limit} fit.",
                hint="Shorten it, or ask for fewer tokens.",
                tokens=tokens,
                limit=self.max_context,
            )
        cells = max(cells, tokens)
        if cells > MAX_CONTEXT:
            raise UsageError(
                "The texts side by side come to {tokens} tokens; at most {limit} fit.",
                hint="Ask for fewer texts, or for fewer tokens.",
                tokens=cells,
                limit=MAX_CONTEXT,
            )
        if cells > self._size or sequences > self._sequences:
            size = min(max(self.max_context, cells), 1 << (cells - 1).bit_length())
            self._open(max(size, self._size), max(sequences, self._sequences))

    def prompt(self, ids: Sequence[int], *, room: int = 0, beams: int = 0, progress: Progress | None = None) -> Logits:
        """The logits (n_vocab,) after `ids`, with `room` tokens to follow, or so many in each of `beams` texts.

        They hold until the next evaluation.
        Raises UsageError where `ids` is empty or too long, Cancelled when the abort flag is set.
        """
        if not ids:
            raise UsageError("The text is empty; the model needs at least one token to go on from.")
        self._reserve(len(ids) + room, sequences=MAX_BEAMS + 1 if beams else 1, cells=len(ids) + room * max(1, beams))
        same = common_prefix(self._cells, ids)
        start = self._keep(min(same, self._whole, len(ids) - 1) // CHUNK * CHUNK)
        for begin in range(start, len(ids), CHUNK):
            chunk = ids[begin : begin + CHUNK]
            self._evaluate(chunk, rows=1)
            self._whole = len(self._cells) // CHUNK * CHUNK
            if progress and len(ids) - start > CHUNK:
                progress((begin + len(chunk)) / len(ids))
        self._prompted = len(ids)
        return self._row(-1)

    def look(self, ids: Sequence[int], progress: Progress | None = None) -> Logits:
        """The logits (n_vocab,) after `ids`, to the bit those of `prompt` and `extend` by the tokens that follow it.

        Of a text that goes on from the last prompt only what is not held is evaluated. They hold until the next
        evaluation. Raises like `prompt`.
        """
        same = common_prefix(self._cells, ids)
        if self._at_end and same == len(ids) == len(self._cells):
            return self._row(-1)
        start = min(same, len(ids) - 1)
        if not 0 < self._prompted <= start or len(ids) - start > CHUNK:
            return self.prompt(ids, progress=progress)
        self._reserve(len(ids))
        for begin in range(self._keep(start), len(ids), ALIKE):
            self._evaluate(ids[begin : begin + ALIKE], rows=1)
        return self._row(-1)

    def extend(self, id: int) -> Logits:
        """The logits (n_vocab,) after one more token."""
        self._evaluate([id], rows=1)
        return self._row(-1)

    def begins_with(self, ids: Sequence[int]) -> int:
        """How many of `ids` `prompt` would not evaluate anew."""
        return min(common_prefix(self._cells, ids), self._whole) // CHUNK * CHUNK

    def held(self) -> Held:
        """What is held after the last prompt, which was of whole chunks, to be restored later."""
        size = lib.llama_state_seq_get_size(self._context, 0)
        state = (ctypes.c_uint8 * size)()
        lib.llama_state_seq_get_data(self._context, state, size, 0)
        return Held(tuple(self._cells), state)

    def restore(self, held: Held, *, room: int) -> None:
        """Hold what was held once, in a context for `room` tokens: the next prompt goes on from there."""
        self._reserve(room)
        self._keep(0)
        if lib.llama_state_seq_set_data(self._context, held.state, len(held.state), 0):
            self._cells = list(held.ids)
            self._whole = self._prompted = len(held.ids)

    def fork(self, source: int, target: int) -> None:
        """Let the sequence `target` hold what `source` holds; nothing is computed or copied."""
        lib.llama_memory_seq_cp(self._memory, source, target, -1, -1)

    def forget(self, sequence: int) -> None:
        """Let a sequence hold nothing; what no other holds makes room."""
        lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def extend_each(self, tokens: Sequence[tuple[int, int]], position: int) -> list[Logits]:
        """The logits (n_vocab,) after each of `tokens`, (sequence, id) pairs, which come at `position` in theirs."""
        self._compute([(id, position, sequence) for sequence, id in tokens], rows=len(tokens))
        return [self._row(i) for i in range(len(tokens))]

    def rows(self, ids: Sequence[int]) -> Iterator[Logits]:
        """The logits (n_vocab,) after each of `ids` in turn; each holds until the next is asked for."""
        self._reserve(len(ids))
        self._keep(0)
        for begin in range(0, len(ids), ROWS):
            chunk = ids[begin : begin + ROWS]
            self._evaluate(chunk, rows=len(chunk))
            # Smaller chunks than a prompt's: a look must not take these for its own.
            self._prompted, self._at_end = len(self._cells), False
            for row in range(len(chunk)):
                yield self._row(row)

    def _keep(self, count: int) -> int:
        """Forget all but the first `count` tokens of sequence 0; how many are left."""
        for sequence in range(1, self._sequences):
            self.forget(sequence)
        if not lib.llama_memory_seq_rm(self._memory, 0, count, -1):
            # A recurrent model's state has no parts to forget.
            lib.llama_memory_clear(self._memory, False)
            count = 0
        if count < len(self._cells):
            self._at_end = False
        del self._cells[count:]
        self._whole = min(self._whole, count)
        self._prompted = min(self._prompted, count)
        return count

    def _evaluate(self, ids: Sequence[int], *, rows: int) -> None:
        """Evaluate `ids` after what sequence 0 holds, with logits for the last `rows` of them."""
        begin = len(self._cells)
        self._compute([(id, begin + i, 0) for i, id in enumerate(ids)], rows=rows)
        self._cells.extend(ids)
        self._at_end = True

    def _compute(self, tokens: Sequence[tuple[int, int, int]], *, rows: int) -> None:
        """Evaluate `tokens`, each an (id, position, sequence), with logits for the last `rows` of them."""
        self._at_end = False
        try:
            self.compute(self._context, tokens, rows=rows)
        except TutorError as error:
            # llama.cpp takes back the batch that it was stopped in. What was whole before stands: who asks again goes on.
            stands = len(self._cells) if isinstance(error, Cancelled) else 0
            if not stands or not lib.llama_memory_seq_rm(self._memory, 0, stands, -1):
                lib.llama_memory_clear(self._memory, False)
                self._cells.clear()
                self._whole = 0
            self._prompted = 0
            raise

    def compute(self, context: Any, tokens: Sequence[tuple[int, int, int]], *, rows: int) -> None:
        """Evaluate up to CHUNK `tokens` in any context of this model; what it holds after a failure is not known."""
        batch = self._batch
        batch.n_tokens = len(tokens)
        for i, (id, position, sequence) in enumerate(tokens):
            batch.token[i] = id
            batch.pos[i] = position
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = i >= len(tokens) - rows
        self.calls += 1
        self.evaluated += len(tokens)
        code = lib.llama_decode(context, batch)
        if code == ABORTED:
            raise Cancelled("Stopped.")
        if code:
            raise ModelFailed("llama.cpp could not compute the next token (code {code}).", code=code)

    def _row(self, index: int) -> Logits:
        return self.logits(self._context, index)

    def logits(self, context: Any, index: int) -> Logits:
        """The row of logits (n_vocab,) that an evaluation in `context` left at `index`."""
        pointer = lib.llama_get_logits_ith(context, index)
        return np.ctypeslib.as_array(pointer, shape=(self.vocabulary.size,))

    @property
    def size(self) -> dict[str, int]:
        """Counts of tokens, layers, heads, parameters."""
        model = self._model
        return {
            "parameters": lib.llama_model_n_params(model),
            "layers": lib.llama_model_n_layer(model),
            "heads": lib.llama_model_n_head(model),
            "kv_heads": lib.llama_model_n_head_kv(model),
            "width": lib.llama_model_n_embd(model),
            "context": lib.llama_model_n_ctx_train(model),
        }

    @property
    def chat_template(self) -> str:
        template = lib.llama_model_chat_template(self._model, None)
        return clean(template.decode("utf-8", "replace")) if template else ""


def _metadata(model: Any, key: bytes) -> bytes:
    buffer = ctypes.create_string_buffer(64)
    return buffer.value if lib.llama_model_meta_val_str(model, key, buffer, len(buffer)) >= 0 else b""


def backend() -> str:
    """What computes: the names of the graphics devices that this build uses, else CPU."""
    names = graphics_devices() if lib.llama_supports_gpu_offload() else []
    return ", ".join(names) or "CPU"


def _print_warnings(level: int, text: bytes, _data: object) -> None:
    # A continued line (level 5) comes after its beginning; most are of lines not wanted.
    if WARNING <= level < CONTINUED:
        os.write(2, text)


# Kept here, because llama.cpp holds it for as long as the process lives.
_log = lib.llama_log_callback(_print_warnings)


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
