"""Checks of questions that are answered: yes, right, filled in, too late, from elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

from conform.server import scripts
from conform.server.peer import CheckError, NotExercisedError, Peer, completed, refused
from conform.server.questions import acknowledged, flat, form_answer, parked, verb
from conform.server.talks import answer_text, parts
from conform.spec import Tree

FIELDS = {"email": "ada@example.com"}


def result_of(frames: list[Tree], tool: str) -> Tree:
    """The one result of a tool."""
    found = [r for r in parts(frames, "toolResult") if r["name"] == tool]
    if len(found) != 1:
        raise CheckError(f"{len(found)} results of {tool} came instead of one")
    return found[0]


def ran(frames: list[Tree], tool: str) -> None:
    """See that a tool ran, and that the turn completed."""
    if result_of(frames, tool).get("isError"):
        raise CheckError(f"{tool} failed though it was allowed")
    completed(frames)


async def check_approved(peer: Peer) -> None:
    """An approved tool runs once, and the confirmation is over."""
    session, question = await parked(peer, "confirmation", "write_confirmation_required")
    details = question["data"]["data"]
    echo = {k: details[k] for k in ("confirmationId",) if k in details}
    yes = verb("confirm_tool_action", session, question, approved=True, **echo)
    ran(await acknowledged(peer, yes), "delete_record")
    await peer.error(yes, "NO_PENDING_CONFIRMATION")


async def check_approved_elsewhere(peer: Peer) -> None:
    """A question may be answered from another link; the stream stays where it is."""
    session, question = await parked(peer, "confirmation", "write_confirmation_required")
    other = await peer.other()
    other.plain = False
    details = question["data"]["data"]
    echo = {k: details[k] for k in ("confirmationId",) if k in details}
    got = await other.answer(verb("confirm_tool_action", session, question, approved=True, **echo))
    if got["type"] != "immediate_response" or got.get("status") != 200:
        raise CheckError(f"the confirmation was answered by {got['type']}")
    ran(await peer.rest(question["requestId"]), "delete_record")
    await other.silent()


async def check_expired(peer: Peer) -> None:
    """A question that nobody answers is denied when its time is over, and the turn goes on."""
    for ask, opener, tool in (
        ("confirmation", "write_confirmation_required", "delete_record"),
        ("interaction", "interaction_required", "request_identity_intake"),
    ):
        session, question = await parked(peer, ask, opener)
        details = question["data"]["data"]
        lives = (details.get("expiresAt", 0) - question.get("timestamp", 0)) / 1000
        if not 0 < lives <= peer.setup.patience:
            hint = "see that questions live shorter than --patience"
            raise NotExercisedError(f"a question lives {lives:.0f} s: {hint}")
        await asyncio.sleep(lives)
        frames = await peer.rest(question["requestId"])
        completed(frames)
        result = result_of(frames, tool)
        if ask == "confirmation" and not result.get("isError"):
            raise CheckError("a tool whose question expired gave a result that is no error")
        late = _late(ask, session, question)
        await peer.error(late, f"NO_PENDING_{ask.upper()}")


def _late(ask: str, session: Tree, question: Tree) -> Tree:
    details = question["data"]["data"]
    if ask == "confirmation":
        echo = {k: details[k] for k in ("confirmationId",) if k in details}
        return verb("confirm_tool_action", session, question, approved=True, **echo)
    facts = {"interactionId": details["interactionId"], "kind": details["kind"]}
    return verb("submit_interaction", session, question, **facts, values=FIELDS)


async def check_right_code(peer: Peer) -> None:
    """A turn waits for its code: a wrong one costs an attempt, the right one lets it go on."""
    session, question = await parked(peer, "otp", "otp_verification_required")
    if "otp_park" not in session.get("capabilities", []):
        raise NotExercisedError("the server does not list otp_park")
    request = question["requestId"]
    left = await _try(peer, verb("verify_otp", session, question, code="000000"))
    if left["type"] != "otp_invalid" or flat(left)["attemptsRemaining"] != scripts.ATTEMPTS - 1:
        raise CheckError(f"a wrong code was answered by {left['type']} with another count")
    right = await _try(peer, verb("verify_otp", session, question, code=scripts.CODE))
    if right["type"] != "otp_verified":
        raise CheckError(f"the right code was answered by {right['type']}")
    ran(await peer.rest(request), "balance")


async def _try(peer: Peer, verify: Tree) -> Tree:
    """Send a code; the event that answers it."""
    request = await peer.send(verify)
    wanted = ("otp_invalid", "otp_verified", "error")
    return (await peer.until(request, lambda f: f["type"] in wanted))[-1]


async def check_code_and_again(peer: Peer) -> None:
    """Without otp_park the turn ends; after the right code the message is sent again, and runs."""
    session = await peer.session(userName="Ada", userEmail="ada@example.com")
    request = await peer.begin(session["sessionId"], "otp")
    frames = await peer.rest(request)
    if not {"otp_verification_required", "otp_sent"} <= {f["type"] for f in frames}:
        raise CheckError("a turn that needs a code ended without asking for one")
    completed(frames)
    question = {"requestId": request}
    for code, wanted in (("999999", "otp_invalid"), (scripts.CODE, "otp_verified")):
        got = await peer.answer(verb("verify_otp", session, question, code=code))
        if got["type"] != wanted:
            raise CheckError(f"a code was answered by {got['type']} instead of {wanted}")
    ran(await peer.rest(await peer.begin(session["sessionId"], "otp")), "balance")


async def check_unsent_code(peer: Peer) -> None:
    """A code that cannot be delivered is said so, and does not end its turn."""
    session = await peer.session(userName="Ada", userEmail="ada@example.com")
    frames = await peer.rest(await peer.begin(session["sessionId"], "otp"))
    errors = [f for f in frames if f["type"] == "error"]
    if not errors:
        raise CheckError("nothing says that the code was not delivered")
    refused(errors[0], "OTP_SEND_FAILED")
    if frames[-1] is errors[0]:
        raise CheckError("OTP_SEND_FAILED ended the turn")


async def check_filled_form(peer: Peer) -> None:
    """A form that is right is taken after one that was not, and its values reach the model."""
    session, question = await parked(peer, "interaction", "interaction_required")
    details = question["data"]["data"]
    facts: dict[str, Any] = {"interactionId": details["interactionId"], "kind": details["kind"]}
    submit = verb("submit_interaction", session, question, **facts)
    wrong = await form_answer(peer, {**submit, "values": {"email": "no address"}})
    if wrong["type"] != "interaction_invalid":
        raise CheckError(f"a form that is not right was answered by {wrong['type']}")
    errors = wrong["data"]["data"]["errors"]
    if [error.get("field") for error in errors] != ["email"]:
        raise CheckError("interaction_invalid does not name the field that is wrong")
    frames = await acknowledged(peer, {**submit, "values": FIELDS})
    if FIELDS["email"] not in str(result_of(frames, "request_identity_intake").get("result")):
        raise CheckError("the values of the form are not in the result of its tool")
    if answer_text(frames) != scripts.DONE["text"]:
        raise CheckError("the text of the answer is not that of the model")
    await peer.error({**submit, "values": FIELDS}, "NO_PENDING_INTERACTION")
