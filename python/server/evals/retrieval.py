"""How well documents are found: recall@5 and MRR of a committed set.

    python evals/retrieval.py [--embeddings hashing|endpoint] [--json]

Ends with 1 unless both together are above either half.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from smooth_operator_server.agent import choose_embedder
from smooth_operator_server.knowledge import Knowledge
from smooth_operator_server.knowledge.ingest import Filing, ingest
from smooth_operator_server.knowledge.loaders import FileLoader
from smooth_operator_server.settings import Settings
from smooth_operator_server.store.knowledge_records import EVERYTHING
from smooth_operator_server.store.opening import open_stores

HERE = Path(__file__).parent
DEEPEST = 5
Find = Callable[[str], Awaitable[Sequence[Any]]]


@dataclass(frozen=True)
class Figures:
    """Over all questions: the share that is answered in the first five, and 1/rank on average."""

    recall: float
    mrr: float


async def measure(find: Find, questions: Sequence[dict[str, str]]) -> Figures:
    ranks = [await _rank(find, one) for one in questions]
    found = [rank for rank in ranks if rank is not None and rank <= DEEPEST]
    return Figures(
        len(found) / len(ranks), sum(1 / rank for rank in ranks if rank is not None) / len(ranks)
    )


async def _rank(find: Find, question: dict[str, str]) -> int | None:
    for rank, hit in enumerate(await find(question["ask"]), start=1):
        if hit.source == question["source"] and question["holds"] in hit.text:
            return rank
    return None


async def run(embeddings: str) -> dict[str, Figures]:
    """Return the figures of words, likeness and both."""
    questions = yaml.safe_load((HERE / "questions.yaml").read_text(encoding="utf-8"))
    stores = await open_stores()
    knowledge = Knowledge(stores.knowledge, choose_embedder(Settings(embeddings=embeddings)))
    try:
        report = await ingest(knowledge, FileLoader(HERE / "shop"), Filing())
        assert not report.unreadable, report.unreadable

        async def words(ask: str) -> Sequence[Any]:
            return await knowledge.by_words(ask, EVERYTHING)

        async def likeness(ask: str) -> Sequence[Any]:
            return await knowledge.by_likeness(ask, EVERYTHING) or ()

        async def both(ask: str) -> Sequence[Any]:
            return await knowledge.search(ask, 40)

        ways: dict[str, Find] = {"words": words, "likeness": likeness, "both": both}
        return {name: await measure(find, questions) for name, find in ways.items()}
    finally:
        await knowledge.aclose()
        await stores.close()


def is_better(figures: dict[str, Figures]) -> bool:
    """Tell whether both together are above either half, in both figures."""
    both = figures["both"]
    halves = (figures["words"], figures["likeness"])
    return all(both.recall > half.recall and both.mrr > half.mrr for half in halves)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--embeddings", choices=("hashing", "minilm", "endpoint"), default="hashing"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = asyncio.run(run(given.embeddings))
    if given.json:
        print(json.dumps({name: asdict(one) for name, one in figures.items()}))
    else:
        print(f"{'found by':<10}{'recall@5':>10}{'MRR':>8}")
        for name, one in figures.items():
            print(f"{name:<10}{one.recall:>10.3f}{one.mrr:>8.3f}")
    return 0 if is_better(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
