"""llama.cpp without the program's engine: every text is evaluated from its first token, in an empty context."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import llama_cpp.llama_cpp as lib
import numpy as np

Ids = tuple[int, ...]
_quiet = lib.llama_log_callback(lambda *_: None)


class RawLlama:
    """Remembers log-probabilities by text, so that asking again costs nothing."""

    def __init__(self, path: Path, cache_type: int = lib.GGML_TYPE_F16) -> None:
        lib.llama_log_set(_quiet, None)
        lib.llama_backend_init()
        self._model = lib.llama_model_load_from_file(bytes(path), lib.llama_model_default_params())
        self._vocab = lib.llama_model_get_vocab(self._model)
        self._size = lib.llama_vocab_n_tokens(self._vocab)
        params = lib.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = 1
        params.type_k = params.type_v = cache_type
        params.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._context = lib.llama_init_from_model(self._model, params)
        self.logprobs = cache(self._logprobs)

    def _logprobs(self, ids: Ids) -> np.ndarray:
        """Log-probabilities (n_vocab,) after `ids`, in float64."""
        lib.llama_memory_clear(lib.llama_get_memory(self._context), True)
        tokens = (lib.llama_token * len(ids))(*ids)
        assert lib.llama_decode(self._context, lib.llama_batch_get_one(tokens, len(ids))) == 0
        pointer = lib.llama_get_logits_ith(self._context, -1)
        logits = np.ctypeslib.as_array(pointer, shape=(self._size,)).astype(np.float64)
        return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())

    def beams(
        self, prompt: Ids, width: int, length_penalty: float, max_tokens: int
    ) -> list[tuple[Ids, float, float, bool]]:
        """Beam search by its definition: ids, log-probability, score and whether finished, best first."""
        live: list[tuple[Ids, float]] = [((), 0.0)]
        finished: list[tuple[Ids, float]] = []
        for _ in range(max_tokens):
            longer: list[tuple[Ids, float]] = []
            for ids, total in live:
                logprobs = self.logprobs(prompt + ids)
                likely = np.argsort(-logprobs, kind="stable")[: width + 1].tolist()
                longer += [((*ids, id), total + float(logprobs[id])) for id in likely]
            longer.sort(key=lambda text: -text[1])
            ends = [lib.llama_vocab_is_eog(self._vocab, ids[-1]) for ids, _ in longer[:width]]
            finished += [text for text, end in zip(longer, ends, strict=False) if end]
            live = [text for text, end in zip(longer, ends, strict=False) if not end]
        found = [(ids, total, total / len(ids) ** length_penalty, True) for ids, total in finished]
        found += [(ids, total, total / len(ids) ** length_penalty, False) for ids, total in live]
        return sorted(found, key=lambda text: -text[2])[:width]

    def close(self) -> None:
        lib.llama_free(self._context)
        lib.llama_model_free(self._model)


def write_float32(source: Path, target: Path) -> Path:
    """The weights of a quantized file as float32: no kernel then rounds its activations, whatever the batch."""
    params = lib.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = lib.LLAMA_FTYPE_ALL_F32, True, 2
    lib.llama_log_set(_quiet, None)
    assert lib.llama_model_quantize(bytes(source), bytes(target), params) == 0
    return target
