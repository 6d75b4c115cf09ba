"""Checks of every member of every action, made from the schemas: required ones, types, bounds.

Nothing of it is known here by name but the actions whose ids lead somewhere. A server of 1.0 may
say by another code what it does not take; that it says so, and keeps the link, is asked of all.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from conform.script import uuid_of
from conform.server.peer import CheckError, NotExercisedError, Peer, extended
from conform.spec import Spec, Tree

LONG = "é" * 300
FREE = frozenset({"action", "requestId"})
WRONG: dict[str, tuple[Any, ...]] = {  # what is no value of a type
    "string": (17, True, ["x"], {"x": 1}),
    "integer": ("1", True, 1.5, [1], {"x": 1}),
    "number": ("1", True, [1]),
    "boolean": ("true", 1, ["x"]),
    "array": ("x", 1, {"x": 1}),
    "object": ("x", 1, ["x"]),
}
LENIENT = frozenset({("list_conversations", "limit", "maximum"), ("send_message", "message", "")})


def example(spec: Spec, word: str, session: str) -> Tree:
    """An action with what it requires; its ids are of nothing but the session."""
    path, schema = spec.actions[word]
    found: Tree = {"action": word}
    for name in schema.get("required", ()):
        if name not in FREE:
            found[name] = _value(*spec.follow(path, schema["properties"][name]), name, session)
    return found


def _value(path: Any, schema: Tree, name: str, session: str) -> Any:
    del path
    if name == "sessionId":
        return session
    if name == "agentId":
        return uuid_of(1)
    usual = {"string": "x", "integer": 1, "boolean": False, "array": [], "object": {}}
    return usual[schema["type"]]


SINCE = {"list_conversations": "1.1", "rename_conversation": "1.1", "resume_turn": "1.2"}


def _known(peer: Peer, word: str) -> bool:
    """Whether a server of its version has the action."""
    return peer.service.speaks(SINCE.get(word, "1.0"))


async def _session(peer: Peer) -> str:
    """A session that may send every action that the server knows."""
    return str((await extended(peer))["sessionId"])


async def _refused(peer: Peer, frame: Tree, what: str) -> None:
    got = await peer.answer(frame)
    if got["type"] != "error":
        raise CheckError(f"{frame['action']} {what} was answered by {got['type']}")
    code = got["data"]["error"]["code"]
    if peer.service.speaks("1.1") and code != "VALIDATION_ERROR":
        raise CheckError(f"{frame['action']} {what} was refused with {code}")


async def check_required(peer: Peer) -> None:
    """An action without a member that it needs is refused, and the link stays."""
    session = await _session(peer)
    for word, (_, schema) in sorted(peer.spec.actions.items()):
        for name in schema.get("required", ()):
            if name in FREE or not _known(peer, word):
                continue
            frame = example(peer.spec, word, session)
            del frame[name]
            await _refused(peer, frame, f"without {name}")
    await peer.silent()


def _bounds(schema: Tree, word: str, name: str) -> Iterator[tuple[str, Any]]:
    """Values beyond the bounds of a member, each with the bound that it breaks."""
    kind = schema.get("type")
    if kind == "integer":
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in schema and (word, name, bound) not in LENIENT:
                yield bound, schema[bound] + step
    if kind == "string":
        if "maxLength" in schema:
            yield "maxLength", "é" * (schema["maxLength"] + 1)
        if schema.get("minLength"):
            yield "minLength", "x" * (schema["minLength"] - 1)
        if "pattern" in schema:
            yield "pattern", "no / such : thing"
    if kind == "array" and "maxItems" in schema:
        yield "maxItems", [{}] * (schema["maxItems"] + 1)


async def check_bounds(peer: Peer) -> None:
    """What is beyond a bound of a member is refused; a member without one takes long texts."""
    session = await _session(peer)
    seen = 0
    for word, (path, schema) in sorted(peer.spec.actions.items()):
        if not _known(peer, word):
            continue
        for name, member in schema["properties"].items():
            if name in FREE:
                continue
            _, inner = peer.spec.follow(path, member)
            for bound, value in _bounds(inner, word, name):
                frame = {**example(peer.spec, word, session), name: value}
                await _refused(peer, frame, f"with {name} beyond its {bound}")
                seen += 1
    if not seen:
        raise NotExercisedError("the specification has no bounds")
    await peer.value(
        {
            "action": "create_conversation_session",
            "agentId": peer.setup.agent,
            "userName": "é" * 300,
        }
    )


async def check_types(peer: Peer) -> None:
    """A value of the wrong type in any member of any action gets one answer, and the link stays."""
    session = await _session(peer)
    for word, (path, schema) in sorted(peer.spec.actions.items()):
        if not _known(peer, word):
            continue
        for name, member in schema["properties"].items():
            _, inner = peer.spec.follow(path, member)
            for value in WRONG.get(str(inner.get("type")), ()):
                frame = {**example(peer.spec, word, session), name: copy.deepcopy(value)}
                if name == "requestId":
                    continue
                if name == "action":
                    await _no_action(peer, frame)
                else:
                    await _refused(peer, frame, f"with {name} = {value!r}")
    await peer.silent()


async def _no_action(peer: Peer, frame: Tree) -> None:
    got = await peer.answer(frame)
    if got["type"] != "error":
        raise CheckError(f"an action that is {frame['action']!r} was answered by {got['type']}")


UNKNOWN = {  # what an action with ids of nothing is refused with; the first is ours
    "get_session": ("SESSION_NOT_FOUND",),
    "get_conversation_messages": ("SESSION_NOT_FOUND",),
    "send_message": ("SESSION_NOT_FOUND",),
    "verify_otp": ("SESSION_NOT_FOUND",),
    "confirm_tool_action": ("NO_PENDING_CONFIRMATION", "SESSION_NOT_FOUND"),
    "submit_interaction": (
        "NO_PENDING_INTERACTION",
        "INTERACTION_MISMATCH",
        "SESSION_NOT_FOUND",
    ),
    "rename_conversation": ("CONVERSATION_NOT_FOUND", "VALIDATION_ERROR"),
}


def _asking(peer: Peer, word: str, session: str, conversation: str) -> Tree:
    frame = example(peer.spec, word, session)
    more: Tree = {"code": "000000"} if word == "verify_otp" else {}
    more |= {"values": {}} if word == "submit_interaction" else {}
    more |= {"conversationId": conversation} if word == "rename_conversation" else {}
    return {**frame, **more}


async def check_unknown(peer: Peer) -> None:
    """Ids of nothing are refused by every action; a conversation of nothing is a new one."""
    for word, codes in UNKNOWN.items():
        if _known(peer, word):
            await peer.error(_asking(peer, word, uuid_of(404), uuid_of(405)), *codes)
    fresh = await peer.session(conversationId=uuid_of(405))
    if fresh["conversationId"] == uuid_of(405):
        raise CheckError("a conversation that nobody has was resumed")
    await peer.send({"action": "cancel", "sessionId": uuid_of(404)})
    await peer.silent()


async def check_foreign(peer: Peer) -> None:
    """What is somebody else's looks like what does not exist, in every action."""
    if peer.setup.stranger is None:
        raise NotExercisedError("say by --stranger URL how somebody else reaches the server")
    session = await peer.session(userName="Ada")
    theirs = (session["sessionId"], session["conversationId"])
    stranger = await peer.service.open(peer.setup.stranger)
    for word in UNKNOWN:
        if _known(peer, word):
            told = []
            for ids in (theirs, (uuid_of(404), uuid_of(405))):
                got = await stranger.answer(_asking(peer, word, *ids))
                told.append({k: v for k, v in got.items() if k not in ("requestId", "timestamp")})
                told[-1].get("data", {}).pop("requestId", None)
            if told[0] != told[1] or told[0]["type"] != "error":
                raise CheckError(
                    f"{word} answers otherwise for a foreign id than for an unknown one"
                )
    fresh = await stranger.session(conversationId=session["conversationId"])
    if fresh["conversationId"] == session["conversationId"]:
        raise CheckError("somebody else resumed the conversation")


async def check_resume_withheld(peer: Peer) -> None:
    """To a session that did not ask for it resume_turn is an unknown action."""
    session = (await peer.session())["sessionId"]
    resume = {"action": "resume_turn", "sessionId": session, "afterSeq": 0}
    await peer.error(resume, "UNSUPPORTED_ACTION")


async def check_list(peer: Peer) -> None:
    """list_conversations takes a limit above 200 as 200, and query and cursor from everybody."""
    page = {"action": "list_conversations"}
    await peer.value({**page, "limit": 100_000})
    found = await peer.value({**page, "query": "a title that nobody gave"})
    if found["conversations"]:
        raise CheckError("a query that nothing fits lists conversations")
    await peer.error({**page, "cursor": "no such cursor"}, "VALIDATION_ERROR")
