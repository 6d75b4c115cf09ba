"""Checks of questions to a human. The checks refuse and decline: nothing is ever approved."""

from __future__ import annotations

from conform.server.peer import CheckError, NotExercisedError, Peer, completed, refused
from conform.server.turns import tool_words
from conform.spec import Tree

WRONG_CODE = "000000"
MAX_ATTEMPTS = 10


async def parked(peer: Peer, ask: str, opener: str) -> tuple[Tree, Tree]:
    """Session, and the question that its turn asked: an extended session where there are such."""
    peer.plain = False
    session = await peer.session(
        supports=["identity_form", "choice_chips", "otp_park", "spec_1_1"],
        userName="Ada",
        userEmail="ada@example.com",
    )
    request = await peer.begin(session["sessionId"], ask)
    return session, await peer.asked(request, ask, opener)


def verb(action: str, session: Tree, question: Tree, **facts: object) -> Tree:
    named = {"requestId": question["requestId"], "sessionId": session["sessionId"]}
    return {"action": action, **named, **facts}


async def acknowledged(peer: Peer, verb: Tree) -> list[Tree]:
    """Send a verb; its acknowledgement comes before the stream goes on. Returns the turn's rest."""
    request = await peer.send(verb)
    frames = await peer.until(request, lambda frame: frame["type"] == "immediate_response")
    if frames[-1]["type"] != "immediate_response" or frames[-1].get("status") != 200:
        raise CheckError(f"{verb['action']} was not acknowledged before its turn ended")
    gone_on = next((f["type"] for f in frames[:-1] if not _is_call(f)), None)
    if gone_on:
        raise CheckError(f"{gone_on} came before the acknowledgement of {verb['action']}")
    return frames[:-1] + await peer.rest(request)


def _is_call(frame: Tree) -> bool:
    return [word for word, _ in tool_words(frame)] == ["toolCall"]


async def check_confirmation(peer: Peer) -> None:
    """A question comes before its toolCall chunk; denied, the tool fails and the turn completes."""
    session, question = await parked(peer, "confirmation", "write_confirmation_required")
    details = question["data"]["data"]
    echo = {k: details[k] for k in ("confirmationId",) if k in details}
    deny = verb("confirm_tool_action", session, question, approved=False, **echo)
    frames = await acknowledged(peer, deny)
    words = [word for frame in frames for word, _ in tool_words(frame)]
    if words[:2] != ["toolCall", "toolResult"]:
        raise CheckError(f"after the question came {', '.join(words) or 'no chunk of its tool'}")
    if not _fails(frames):
        raise CheckError("a tool that was denied gave a result that is no error")
    completed(frames)
    await peer.error(deny, "NO_PENDING_CONFIRMATION")


def _fails(frames: list[Tree]) -> bool:
    found = next(f for f in frames if tool_words(f)[:1] and tool_words(f)[0][0] == "toolResult")
    return bool(found["data"]["state"]["rawResponse"]["toolResult"].get("isError"))


async def check_stale_confirmation(peer: Peer) -> None:
    """A stale confirmationId is refused, and the question stays."""
    session, question = await parked(peer, "confirmation", "write_confirmation_required")
    confirm = verb("confirm_tool_action", session, question, approved=False)
    if "confirmationId" not in question["data"]["data"]:
        raise CheckError("the question has no confirmationId, though the session lists spec_1_1")
    await peer.send({**confirm, "confirmationId": "of-yesterday"})
    frames = await peer.until(question["requestId"], lambda f: f["type"] == "error")
    refused(frames[-1], "NO_PENDING_CONFIRMATION")
    right = question["data"]["data"]["confirmationId"]
    await acknowledged(peer, {**confirm, "confirmationId": right})


async def check_plain_question(peer: Peer) -> None:
    """A session that lists no words is asked without what later versions added."""
    session = await peer.session()
    request = await peer.begin(session["sessionId"], "confirmation")
    question = await peer.asked(request, "confirmation", "write_confirmation_required")
    deny = verb("confirm_tool_action", session, question, approved=False)
    completed(await acknowledged(peer, deny))


async def check_form(peer: Peer) -> None:
    """A wrong form names its fields and may be sent again; declined, the turn completes."""
    session, question = await parked(peer, "interaction", "interaction_required")
    details = question["data"]["data"]
    facts = {"interactionId": details["interactionId"], "kind": details["kind"]}
    submit = verb("submit_interaction", session, question, **facts)
    stale = {**submit, "interactionId": "of-yesterday", "values": {}}
    refused(await form_answer(peer, stale), "INTERACTION_MISMATCH", "NO_PENDING_INTERACTION")
    got = await form_answer(peer, {**submit, "values": {"email": "no address"}})
    if got["type"] != "interaction_invalid":
        raise CheckError(f"a form that is not right was answered by {got['type']}")
    if not got["data"]["data"]["errors"]:
        raise CheckError("interaction_invalid names no field")
    completed(await acknowledged(peer, {**submit, "declined": True}))


async def form_answer(peer: Peer, submit: Tree) -> Tree:
    """Hand a form in; returns the event that answers it."""
    await peer.send(submit)
    wanted = ("error", "interaction_invalid", "immediate_response")
    return (await peer.until(submit["requestId"], lambda f: f["type"] in wanted))[-1]


async def check_empty_form(peer: Peer) -> None:
    """A form with neither values nor declined is refused, and the question stays open."""
    session, question = await parked(peer, "interaction", "interaction_required")
    details = question["data"]["data"]
    facts = {"interactionId": details["interactionId"], "kind": details["kind"]}
    submit = verb("submit_interaction", session, question, **facts)
    refused(await form_answer(peer, submit), "VALIDATION_ERROR")
    completed(await acknowledged(peer, {**submit, "declined": True}))


async def check_codes(peer: Peer) -> None:
    """A wrong code costs an attempt, and at the end there are none left."""
    session, question = await parked(peer, "otp", "otp_verification_required")
    request = question["requestId"]
    wrong = verb("verify_otp", session, question, code=WRONG_CODE)
    left: list[int] = []
    for _ in range(MAX_ATTEMPTS):
        await peer.send(wrong)
        while (got := await peer.read())["type"] not in ("otp_invalid", "otp_verified"):
            if got["type"] == "error" and got["data"]["error"]["code"] != "OTP_SEND_FAILED":
                raise CheckError(f"a wrong code led to {got['data']['error']['code']}")
        if got["type"] == "otp_verified":
            raise CheckError("a code that nobody sent was taken")
        if got.get("requestId") != request:
            raise CheckError("otp_invalid carries another requestId")
        left.append(int(flat(got)["attemptsRemaining"]))
        if left[-1] == 0:
            break
    if left != sorted(set(left), reverse=True) or left[-1]:
        raise CheckError(f"the attempts that are left do not fall to 0: {left}")


def flat(frame: Tree) -> Tree:
    data = frame["data"]
    return dict(data.get("data", data))


async def check_declined_code(peer: Peer) -> None:
    """A code that is declined is a refusal, whatever stands in code; the turn completes."""
    session, question = await parked(peer, "otp", "otp_verification_required")
    if "otp_park" not in session.get("capabilities", []):
        raise NotExercisedError("the server does not list otp_park")
    decline = verb("verify_otp", session, question, declined=True, code=WRONG_CODE)
    request = await peer.send(decline)
    wanted = ("immediate_response", "otp_invalid", "otp_verified")
    frames = await peer.until(request, lambda f: f["type"] in wanted)
    if frames[-1]["type"] != "immediate_response":
        raise CheckError(f"a declined code was answered by {frames[-1]['type']}")
    completed(await peer.rest(request))
