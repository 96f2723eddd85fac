"""What a model computes on the way to its answer: attention weights and what leaves each layer. Runs in the worker.

Names as in llama.cpp's graph: `kq_soft_max-<layer>` is softmax(q·k) of a layer's heads (Vaswani et al. 2017, section
3.2.1), `l_out-<layer>` the residual stream after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import llama_cpp.llama_cpp as lib
import numpy as np
from numpy.typing import NDArray

from tutor.decoding.distribution import Logits
from tutor.domain.errors import UsageError
from tutor.runtime import ggml, protocol
from tutor.runtime.llama import CHUNK, Engine, Progress

ATTENTION, OUTPUT = b"kq_soft_max-", b"l_out-"

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]


@dataclass(slots=True)
class Captured:
    """What happened over a text: `ids` its tokens.

    `attention[layer]` has a block for every chunk, (heads, queries, keys so far) in float16: all layers of 256 tokens
    come to some 20 MB. `outputs[layer]` is what left the layer at the last token, (width,). `logits` (n_vocab,).
    """

    ids: tuple[int, ...]
    attention: dict[int, list[Halves]] = field(default_factory=dict)
    outputs: dict[int, Floats] = field(default_factory=dict)
    logits: Logits | None = None

    def weights(self, layer: int) -> Floats:
        """(heads, queries, keys), 0 right of the diagonal."""
        blocks = self.attention[layer]
        length = len(self.ids)
        whole = np.zeros((len(blocks[0]), length, length), dtype=np.float32)
        begin = 0
        for block in blocks:
            _, queries, keys = block.shape
            whole[:, begin : begin + queries, :keys] = block
            begin += queries
        return whole


class Capture:
    """Evaluates short texts in a context of its own and keeps what happened over the last one.

    The context exists only meanwhile: without flash attention, which never has the weights, and with a callback at
    every step of the graph, which the context that decodes could not afford.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: Captured | None = None
        self._under_way = Captured(())
        self._failure: Exception | None = None
        self._ends_text = False

    def of(self, ids: Sequence[int], progress: Progress) -> Captured:
        """What happens over `ids`. Raises UsageError where they are none or too many, Cancelled."""
        if not ids:
            raise UsageError("The text is empty; there is nothing to look into.")
        limit = min(protocol.MAX_ATTENTION, self._engine.max_context)
        if len(ids) > limit:
            raise UsageError(
                "The text comes to {tokens} tokens; at most {limit} can be looked into.",
                hint="Shorten it.",
                tokens=len(ids),
                limit=limit,
            )
        if self._last is None or self._last.ids != tuple(ids):
            self._last = None
            self._last = self._evaluate(ids, progress)
        return self._last

    def _evaluate(self, ids: Sequence[int], progress: Progress) -> Captured:
        engine = self._engine
        self._under_way = captured = Captured(tuple(ids))
        self._failure = None
        # The name keeps the callback alive while llama.cpp holds it.
        callback = lib.ggml_backend_sched_eval_callback(self._hear)
        context = engine.new_context(
            len(ids), n_seq_max=1, flash_attn_type=lib.LLAMA_FLASH_ATTN_TYPE_DISABLED, cb_eval=callback
        )
        try:
            for begin in range(0, len(ids), CHUNK):
                chunk = ids[begin : begin + CHUNK]
                end = begin + len(chunk)
                self._ends_text = end == len(ids)
                tokens = [(id, begin + i, 0) for i, id in enumerate(chunk)]
                engine.compute(context, tokens, rows=1)
                engine.abort.check()
                if self._failure:
                    raise self._failure
                if len(ids) > CHUNK:
                    progress(end / len(ids))
            captured.logits = engine.logits(context, -1).copy()
        finally:
            lib.llama_free(context)
            del callback
        return captured

    def _hear(self, tensor: int, asked: bool, _data: object) -> bool:
        """Whether a tensor is wanted; then, once it has been computed, keep it. False then ends the evaluation."""
        name: bytes = ggml.get_name(tensor)
        wanted = name.startswith(ATTENTION) or (self._ends_text and name.startswith(OUTPUT))
        if asked or not wanted:
            return wanted
        try:
            self._keep(name, ggml.read(tensor))
        except Exception as error:  # noqa: BLE001  through C code nothing may be thrown
            self._failure = error
        return self._failure is None and not self._engine.abort

    def _keep(self, name: bytes, numbers: Floats | None) -> None:
        layer = name.partition(b"-")[2]
        if numbers is None or not layer.isdigit():
            return
        if name.startswith(OUTPUT):
            self._under_way.outputs[int(layer)] = numbers[0, 0, -1].copy()
            return
        blocks = self._under_way.attention.setdefault(int(layer), [])
        seen = sum(block.shape[1] for block in blocks) + numbers.shape[2]
        # Cells of the cache are reserved in dozens: those beyond the text hold nothing.
        blocks.append(numbers[0, :, :, :seen].astype(np.float16))
