"""What the model of a server is to say in each check, as the reference server's script files.

`look_up` runs at once, `delete_record` asks for a confirmation, `balance` for a one-time code.
"""

from __future__ import annotations

from conform.spec import Tree

CODE = "123456"
ATTEMPTS = 3
TEXT = "It is noon, déjà vu 🕛 — and that is all."
REASONING = "They ask for the time. "
PREAMBLE = "Let me see. "
LONG = 60_000  # ms that a model thinks until it is stopped

_ANY: Tree = {"type": "object"}
TOOLS: list[Tree] = [
    {"name": "look_up", "description": "Look it up", "parameters": _ANY, "result": "found"},
    {
        "name": "delete_record",
        "description": "Delete a record",
        "parameters": _ANY,
        "result": "deleted",
        "confirm": True,
    },
    {
        "name": "balance",
        "description": "Tell the balance",
        "parameters": _ANY,
        "result": "12 euros",
        "auth": "end_user",
    },
]
LOOK: Tree = {"toolCall": {"name": "look_up", "arguments": {"id": 7}}}
DELETE: Tree = {"toolCall": {"name": "delete_record", "arguments": {"id": 42}}}
BALANCE: Tree = {"toolCall": {"name": "balance", "arguments": {}}}
FORM: Tree = {
    "toolCall": {
        "name": "request_identity_intake",
        "arguments": {"fields": [{"key": "email", "required": True}], "reason": "to write to you"},
    }
}
SLOW: list[Tree] = [LOOK, {"delayMs": LONG}]
DONE: Tree = {"text": "Done, as you wished."}


def script(*model: Tree, **more: object) -> Tree:
    """A script with our tools and our one-time code."""
    otp = {"code": CODE, "attempts": ATTEMPTS, "channel": "email"}
    return {"model": list(model), "tools": TOOLS, "otp": otp, **more}


def texts(count: int) -> list[Tree]:
    """So many answers, each another one."""
    return [{"text": f"Answer number {number} of the script."} for number in range(1, count + 1)]


ANSWERS = script(*texts(6))
TOOL = script(LOOK, DONE, LOOK, DONE)
STREAM = script(
    {"preamble": PREAMBLE},
    {"reasoning": REASONING},
    {"text": TEXT, "usage": {"promptTokens": 31, "completionTokens": 4}},
)
STEERED = script(*SLOW, DONE, DONE, DONE)
SPEAKING = script(LOOK, {"delayMs": 700}, {"reasoning": "one two"}, {"delayMs": LONG}, DONE)
SIDE_BY_SIDE = script(*texts(3))
CONFIRMATION = script(DELETE, DONE, DONE, DONE)
CODES = script(BALANCE, DONE, BALANCE, DONE)
UNSENT = {**script(BALANCE, DONE, DONE), "otp": {"code": CODE, "sendFails": True}}
FORMS = script(FORM, DONE, DONE, DONE)
EXPIRING = script(DELETE, DONE, FORM, DONE)
FAILING = script({"error": "upstream 500"}, DONE)
PACED = script(*[LOOK, {"delayMs": 60}, {"text": "one two three four five six"}] * 5)
MOVING = script(LOOK, {"delayMs": 2500}, DONE)
HISTORY = script(DONE, {"error": "upstream 500"}, *SLOW, DONE)
