"""What a model computes on the way to its answer: attention weights and what leaves each layer. Runs in the worker.

Names as in llama.cpp's graph: `kq_soft_max-<layer>` is softmax(q·k) of a layer's heads (Vaswani et al. 2017, section
3.2.1), `l_out-<layer>` the residual stream after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llama_cpp.llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Logits
from tutor.domain.errors import UsageError
from tutor.runtime import ggml, protocol
from tutor.runtime.llama import CHUNK, Engine, Progress

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]


class AttentionCapture:
    """The attention weights of every layer over the text asked for last, in float16: some 20 MB for 256 tokens.

    Flash attention never has them, so the text is evaluated without.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: Sequence[int] = ()
        # Of each layer a block for every chunk: (heads, queries, keys so far).
        self._blocks: dict[int, list[Halves]] = {}

    def layers(self, ids: Sequence[int], progress: Progress) -> list[int]:
        """The layers that have attention over `ids`. Raises like `evaluate`."""
        if self._ids != ids:
            self._ids, self._blocks = (), {}
            without_flash: dict[str, Any] = {"flash_attn_type": lib.LLAMA_FLASH_ATTN_TYPE_DISABLED}
            evaluate(self._engine, ids, b"kq_soft_max", self._keep, progress, **without_flash)
            self._ids = ids
        return sorted(self._blocks)

    def weights(self, layer: int) -> Floats:
        """(heads, queries, keys) over the text asked for last, 0 right of the diagonal."""
        blocks = self._blocks[layer]
        length = len(self._ids)
        whole = np.zeros((len(blocks[0]), length, length), dtype=np.float32)
        begin = 0
        for block in blocks:
            _, queries, keys = block.shape
            whole[:, begin : begin + queries, :keys] = block
            begin += queries
        return whole

    def _keep(self, layer: int, numbers: Floats) -> None:
        blocks = self._blocks.setdefault(layer, [])
        seen = sum(block.shape[1] for block in blocks) + numbers.shape[2]
        # Cells of the cache come in hundreds: those beyond the text hold nothing.
        blocks.append(numbers[0, :, :, :seen].astype(np.float16))


class OutputCapture:
    """What leaves each layer at the last token of the text asked for last, and the logits there.

    The text is evaluated as a prompt is, so that these are what `next` rests on, to the bit.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: Sequence[int] = ()
        self._outputs: dict[int, Floats] = {}
        self._logits: Logits = np.empty(0, dtype=np.float32)

    def of(self, ids: Sequence[int], progress: Progress) -> tuple[dict[int, Floats], Logits]:
        """By layer (width,), and (n_vocab,). Raises like `evaluate`."""
        if self._ids != ids:
            self._ids, self._outputs = (), {}
            self._logits = evaluate(self._engine, ids, b"l_out", self._keep, progress, only_end=True)
            self._ids = ids
        return self._outputs, self._logits

    def _keep(self, layer: int, numbers: Floats) -> None:
        self._outputs[layer] = numbers[0, 0, -1].copy()


def evaluate(
    engine: Engine,
    ids: Sequence[int],
    name: bytes,
    keep: Callable[[int, Floats], None],
    progress: Progress,
    *,
    only_end: bool = False,
    **settings: Any,
) -> Logits:
    """Evaluate `ids` in a context of its own and let `keep` have every tensor `<name>-<layer>`; the logits (n_vocab,).

    Chunk by chunk as a prompt; with `only_end` of the last chunk alone. The context exists only meanwhile: its
    callback is asked at every step of the graph, which decoding could not afford.
    Raises UsageError where the tokens are none or too many, Cancelled.
    """
    limit = min(protocol.MAX_ATTENTION, engine.max_context)
    if not ids:
        raise UsageError("The text is empty; there is nothing to look into.")
    if len(ids) > limit:
        raise UsageError(
            "The text comes to {tokens} tokens; at most {limit} can be looked into.",
            hint="Shorten it.",
            tokens=len(ids),
            limit=limit,
        )
    listener = _Listener(name + b"-", keep, engine.abort.check)
    # The name keeps the callback alive while llama.cpp holds it.
    callback = lib.ggml_backend_sched_eval_callback(listener.hear)
    context = engine.new_context(len(ids), n_seq_max=1, cb_eval=callback, **settings)
    try:
        for begin in range(0, len(ids), CHUNK):
            chunk = ids[begin : begin + CHUNK]
            end = begin + len(chunk)
            listener.listens = end == len(ids) or not only_end
            engine.compute(context, [(id, begin + i, 0) for i, id in enumerate(chunk)], rows=1)
            if listener.failure:
                raise listener.failure
            if len(ids) > CHUNK:
                progress(end / len(ids))
        return engine.logits(context, -1).copy()
    finally:
        lib.llama_free(context)
        del callback


class _Listener:
    """Hears of every tensor that is computed. What `keep` raises waits in `failure`: C code passes nothing on."""

    def __init__(self, prefix: bytes, keep: Callable[[int, Floats], None], check: Callable[[], None]) -> None:
        self._prefix = prefix
        self._keep = keep
        self._check = check
        self.listens = True
        self.failure: Exception | None = None

    def hear(self, tensor: int, asked: bool, _data: object) -> bool:
        """Before a tensor is computed, whether it is wanted; after it, whether to go on."""
        if not self.listens:
            return False
        name: bytes = ggml.get_name(tensor)
        layer = name[len(self._prefix) :]
        wanted = name.startswith(self._prefix) and layer.isdigit()
        if asked or not wanted:
            return wanted
        try:
            self._check()
            if (numbers := ggml.read(tensor)) is not None:
                self._keep(int(layer), numbers)
        except Exception as error:  # noqa: BLE001  see above
            self.failure = error
        return self.failure is None
