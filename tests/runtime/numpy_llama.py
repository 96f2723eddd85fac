"""A Llama forward pass in float32 numpy on dequantized weights: what llama.cpp's answers are held against.

Touvron et al. 2023 (RMSNorm, SwiGLU), Su et al. 2021 (RoPE, on neighbouring pairs as GGUF files order them),
Ainslie et al. 2023 (grouped-query attention). Shares nothing with the program.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize


class NumpyLlama:
    def __init__(self, path: Path) -> None:
        reader = GGUFReader(path)

        def number(name: str) -> float:
            return reader.fields[f"llama.{name}"].contents()

        self.layers = int(number("block_count"))
        self.heads = int(number("attention.head_count"))
        self.kv_heads = int(number("attention.head_count_kv"))
        self.epsilon = number("attention.layer_norm_rms_epsilon")
        self.base = number("rope.freq_base")
        self.weights = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}

    def logits(self, ids: list[int]) -> np.ndarray:
        """(len(ids), n_vocab)"""
        return self.unembed(self.states(ids)[-1])

    def states(self, ids: list[int]) -> list[np.ndarray]:
        """The residual stream: the embeddings, then what leaves each layer, (len(ids), width) each."""
        states = [self.weights["token_embd.weight"][ids]]
        for layer in range(self.layers):
            x = states[-1]
            x = x + self.attention(layer, self.norm(x, f"blk.{layer}.attn_norm"))
            states.append(x + self.feed_forward(layer, self.norm(x, f"blk.{layer}.ffn_norm")))
        return states

    def unembed(self, x: np.ndarray) -> np.ndarray:
        """The logits (positions, n_vocab) of a state, as if it were the last layer's."""
        output = self.weights.get("output.weight", self.weights["token_embd.weight"])
        return self.norm(x, "output_norm") @ output.T

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * self.weights[f"{name}.weight"]

    def attention(self, layer: int, x: np.ndarray) -> np.ndarray:
        v = np.repeat(self.split(layer, "attn_v", x, self.kv_heads), self.heads // self.kv_heads, axis=0)
        joined = (self.attention_weights(layer, x) @ v).transpose(1, 0, 2).reshape(len(x), -1)
        return joined @ self.weights[f"blk.{layer}.attn_output.weight"].T

    def attention_weights(self, layer: int, x: np.ndarray) -> np.ndarray:
        """(heads, queries, keys) for a layer's normed input `x`."""
        q = self.rope(self.split(layer, "attn_q", x, self.heads))
        k = np.repeat(self.rope(self.split(layer, "attn_k", x, self.kv_heads)), self.heads // self.kv_heads, axis=0)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        return weights / weights.sum(-1, keepdims=True)

    def split(self, layer: int, name: str, x: np.ndarray, count: int) -> np.ndarray:
        """(heads, positions, head width)"""
        return (x @ self.weights[f"blk.{layer}.{name}.weight"].T).reshape(len(x), count, -1).transpose(1, 0, 2)

    def rope(self, x: np.ndarray) -> np.ndarray:
        width = x.shape[-1]
        angles = np.arange(x.shape[1])[:, None] * self.base ** (-np.arange(0, width, 2) / width)
        even, odd = x[..., 0::2], x[..., 1::2]
        turned = np.empty_like(x)
        turned[..., 0::2] = even * np.cos(angles) - odd * np.sin(angles)
        turned[..., 1::2] = even * np.sin(angles) + odd * np.cos(angles)
        return turned

    def feed_forward(self, layer: int, x: np.ndarray) -> np.ndarray:
        gate = x @ self.weights[f"blk.{layer}.ffn_gate.weight"].T
        up = x @ self.weights[f"blk.{layer}.ffn_up.weight"].T
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"blk.{layer}.ffn_down.weight"].T
