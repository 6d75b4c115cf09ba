"""Checks of scripted turns: what a model says and does reaches the client, and stays."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from conform.reader import final_text, tool_parts
from conform.server import scripts
from conform.server.peer import CheckError, Peer, completed, extended, refused
from conform.server.turns import under_way
from conform.spec import Tree

STREAMED = {"stream_reasoning": scripts.REASONING, "stream_preamble": scripts.PREAMBLE}
POLL_SECONDS = 0.2


def send(session: str, message: str = "Hello", **more: Any) -> Tree:
    """A message of a session."""
    return {"action": "send_message", "sessionId": session, "message": message, **more}


def parts(frames: list[Tree], word: str) -> list[Tree]:
    """The ``toolCall`` or ``toolResult`` of every chunk that has one."""
    chunks = [f for f in frames if f["type"] == "stream_chunk"]
    found = [tool_parts(f["data"].get("state")) for f in chunks]
    return [told[word] for told in found if word in told]


def answer_text(frames: list[Tree]) -> str:
    """Text of the answer that a turn completed with."""
    tokens = "".join(f["data"]["token"] for f in frames if f["type"] == "stream_token")
    return final_text(completed(frames).get("response"), tokens)


async def check_stream(peer: Peer) -> None:
    """Text, reasoning and preamble are those of the model, and so is what it spent."""
    session = (await peer.session())["sessionId"]
    frames = await peer.rest(await peer.begin(session))
    if answer_text(frames) != scripts.TEXT:
        raise CheckError("the text of the answer is not that of the model")
    for kind, wanted in STREAMED.items():
        told = "".join(_words(f) for f in frames if f["type"] == kind)
        if told and told != wanted:
            raise CheckError(f"{kind} is not what the model said")
    usage = completed(frames).get("usage")
    if usage and (usage.get("promptTokens"), usage.get("completionTokens")) != (31, 4):
        raise CheckError("usage is not what the model spent")


def _words(frame: Tree) -> str:
    data = frame["data"]
    inner = data.get("data", data)
    return str(next((v for k, v in inner.items() if isinstance(v, str) and k != "requestId"), ""))


async def check_tool(peer: Peer) -> None:
    """A tool's chunks say its name, arguments and result; the answer follows."""
    session = (await peer.session())["sessionId"]
    frames = await peer.rest(await peer.begin(session))
    calls, results = parts(frames, "toolCall"), parts(frames, "toolResult")
    if [(c["name"], c["arguments"]) for c in calls] != [("look_up", {"id": 7})]:
        raise CheckError(f"the chunks tell the calls {json.dumps(calls)}")
    if [(r["name"], r.get("isError", False)) for r in results] != [("look_up", False)]:
        raise CheckError(f"the chunks tell the results {json.dumps(results)}")
    if "found" not in json.dumps(results[0].get("result")):
        raise CheckError("the result of the tool is another one")
    if answer_text(frames) != scripts.DONE["text"]:
        raise CheckError("the text of the answer is not that of the model")


async def check_failing(peer: Peer) -> None:
    """A model that fails ends its turn by an error, and the next one runs."""
    session = (await peer.session())["sessionId"]
    frames = await peer.rest(await peer.begin(session))
    refused(frames[-1], "AGENT_ERROR", "INTERNAL_ERROR")
    completed(await peer.rest(await peer.begin(session)))


async def check_two_sessions(peer: Peer) -> None:
    """Turns of two sessions run side by side on one link, and each has its own whole answer."""
    sessions = [(await peer.session())["sessionId"] for _ in range(3)]
    asked = [await peer.send(send(session)) for session in sessions]
    told: dict[str, list[Tree]] = {request: [] for request in asked}
    open_ = set(asked)
    while open_:
        got = await peer.read(peer.setup.patience)
        if got.get("requestId") not in open_:
            raise CheckError(f"{got['type']} carries {got.get('requestId')!r}")
        told[got["requestId"]].append(got)
        if peer.terminal(got):
            open_.remove(got["requestId"])
    answers = sorted(answer_text(frames) for frames in told.values())
    if answers != [entry["text"] for entry in scripts.texts(3)]:
        raise CheckError("the answers of the sessions are mixed, or one is not whole")


async def check_one_a_conversation(peer: Peer) -> None:
    """A conversation runs one turn over all its sessions and links."""
    first = await peer.session()
    request = await peer.begin(first["sessionId"])
    await under_way(peer, request)
    other = await peer.other()
    second = await other.session(conversationId=first["conversationId"])
    if second["conversationId"] != first["conversationId"]:
        raise CheckError("another link is not given the conversation of its person")
    await other.error(send(second["sessionId"]), "TURN_IN_PROGRESS")
    await peer.send({"action": "cancel", "requestId": request, "sessionId": first["sessionId"]})
    await peer.rest(request)
    # each process has its own place in the script: that the message is accepted is enough
    again = await other.begin(second["sessionId"])
    await other.send({"action": "cancel", "requestId": again, "sessionId": second["sessionId"]})
    await other.rest(again)


async def check_two_at_once(peer: Peer) -> None:
    """Of two messages that are sent at the same moment one is accepted and one is refused."""
    session = (await peer.session())["sessionId"]
    asked = [await peer.send(send(session)), await peer.send(send(session))]
    codes: dict[str, str] = {}
    accepted: set[str] = set()
    while set(codes) | accepted != set(asked):
        got = await peer.read(peer.setup.patience)
        if got["type"] == "error":
            codes[got["requestId"]] = got["data"]["error"]["code"]
        elif got.get("status") == 202:
            accepted.add(got["requestId"])
    if len(accepted) != 1 or list(codes.values()) != ["TURN_IN_PROGRESS"]:
        raise CheckError(f"{len(accepted)} were accepted, {', '.join(codes.values()) or 'none'}")
    await peer.send({"action": "cancel", "requestId": accepted.pop(), "sessionId": session})


async def check_message_of_pictures(peer: Peer) -> None:
    """A message may be empty when there are pictures, and only then."""
    session = (await peer.session())["sessionId"]
    picture = {"url": "https://example.com/a.png"}
    await peer.error(send(session, "", images=[]), "VALIDATION_ERROR")
    completed(await peer.rest(await peer.begin_with(send(session, "", images=[picture]))))


async def check_history_of_turns(peer: Peer) -> None:
    """The history names the turn of each message and how it ended."""
    session = (await extended(peer))["sessionId"]
    ids = []
    for ends in ("eventual_response", "error", "cancelled"):
        request = await peer.begin(session)
        if ends == "cancelled":
            await under_way(peer, request)
            await peer.send({"action": "cancel", "requestId": request, "sessionId": session})
        frames = await peer.rest(request)
        if frames[-1]["type"] != ends:
            raise CheckError(f"a turn ended with {frames[-1]['type']} instead of {ends}")
        ids.append(request)
    other = await peer.other()
    page = {"action": "get_conversation_messages", "sessionId": session}
    rows = (await other.value(page))["messages"]
    said = {r.get("requestId"): r.get("turn") for r in rows if r["direction"] == "inbound"}
    if said != dict(zip(ids, ("completed", "failed", "cancelled"), strict=True)):
        raise CheckError(f"the history tells of the turns {json.dumps(list(said.values()))}")
    if [r.get("requestId") for r in rows if r["direction"] == "outbound"] != ids[:1]:
        raise CheckError("the answer in the history does not name its turn")


async def check_detached(peer: Peer) -> None:
    """A turn whose link is lost runs on, and its answer is found in the history."""
    session = (await extended(peer))["sessionId"]
    await peer.begin(session)
    peer.cut()
    other = await peer.other()
    page = {"action": "get_conversation_messages", "sessionId": session}
    async with asyncio.timeout(peer.setup.patience):
        while True:
            rows = (await other.value(page))["messages"]
            if any(r["direction"] == "outbound" for r in rows):
                return
            if any(r.get("turn") in ("failed", "cancelled") for r in rows):
                raise CheckError("the turn did not run on without its link")
            await asyncio.sleep(POLL_SECONDS)
