"""Copies of the specification with something more, as whoever changes the protocol would add it.

The tests of all five clients print a wire room from them and need no hand-written line in the
client. One has an action more, `archive_conversation`; it and its answer have secrets, by
themselves and in a list, which no log and no textual form may show. The other has rows more in the
tables: a question `rating` with its event, its machine, its code and the verb `rate`; an option
with a default; a close code and an HTTP status that mean something else than their neighbours.

    python3 tools/newer_spec.py FOLDER     write the copy with an action more; FOLDER is made
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from workshop import ROOT

KNOWN = ("renameConversation", "rename-conversation", "rename_conversation")
NEW = ("archiveConversation", "archive-conversation", "archive_conversation")
QUESTION_TWINS = (
    (
        ("confirmToolAction", "confirm-tool-action", "confirm_tool_action"),
        ("rateAnswer", "rate-answer", "rate_answer"),
    ),
    (
        ("writeConfirmationRequired", "write-confirmation-required", "write_confirmation_required"),
        ("ratingRequired", "rating-required", "rating_required"),
    ),
)
# Where the document speaks of a message: the channel, the operations, the messages.
PLACES = (r"^      {}: .*\n", r"^  {}:\n(?:    .*\n)+", r"^    {}:\n(?:      .*\n)+")
# What the twins of question and answer are called.
RENAMED = (
    ("write_confirmation_required", "rating_required"),
    ("WriteConfirmation", "Rating"),
    ("write-confirmation", "rating"),
    ("confirm_tool_action", "rate_answer"),
    ("ConfirmToolAction", "RateAnswer"),
    ("confirm-tool-action", "rate-answer"),
    ("confirmationId", "ratingId"),
)
# Rows of tables: the file, what the new row stands before or is put into, and both together.
ASKED = "no_pending: NO_PENDING_RATING, lapses_by: [stream_token, stream_reasoning, tool_result]"
QUESTION = (
    f"  - {{kind: rating, shows: rating_required, updated_by: [], {ASKED}, "
    "outlives_turn: false, duration: expiresAt}\n"
)
VERB = (
    "  - {name: rate, action: rate_answer, question: rating, echo: [ratingId], declines: false}\n"
)
ANSWER = "  - {on: error, code: NO_PENDING_RATING, verbs: [rate]}\n"
CODE = (
    "  - {code: NO_PENDING_RATING, kind: conflict, leaf: NoPendingQuestion, retryable: false, "
    "terminal: never, actions: [rate_answer], servers: all, when: Nothing waits for a rating.}\n"
)
OPTION = (
    "  - {name: ratingTimeout, type: time, unit: ms, default: 7000, off: 0, min: 0, "
    "rule: REQ-TURN-13, doc: For a rating.}\n"
)
CLOSE_CODE = (
    "  - {code: 4477, name: moved, side: peer, retry: renew, backoff_from: 0, "
    "kind: authentication, when: Another server is in charge.}\n"
)
HTTP_STATUS = (
    '  - {http: 418, name: http_teapot, side: peer, retry: "yes", backoff_from: 0, '
    "kind: connect_failed, when: Tea is being made.}\n"
)
REPLY = "        - {$ref: '#/channels/agent/messages/NAME'}\n"
ASKS = REPLY.replace("NAME", "writeConfirmationRequired")
ROWS = (
    ("asyncapi.yaml", ASKS, REPLY.replace("NAME", "ratingRequired") + ASKS),
    ("machine.yaml", "  - {name: verify_otp, action", f"{VERB}  - {{name: verify_otp, action"),
    ("machine.yaml", "\n\n# What waits.", f"\n{QUESTION}\n# What waits."),
    (
        "machine.yaml",
        "  - {on: error, code: INTERACTION_MISMATCH",
        f"{ANSWER}  - {{on: error, code: INTERACTION_MISMATCH",
    ),
    (
        "machine.yaml",
        "verbs: [confirm, submit, decline, decline_otp]",
        "verbs: [confirm, rate, submit, decline, decline_otp]",
    ),
    (
        "machine.yaml",
        "[write_confirmation_required, otp",
        "[rating_required, write_confirmation_required, otp",
    ),
    (
        "machine.yaml",
        "stream_reasoning, write_confirmation_required,",
        "stream_reasoning, rating_required, write_confirmation_required,",
    ),
    ("errors.yaml", "  - {code: RATE_LIMITED", f"{CODE}  - {{code: RATE_LIMITED"),
    ("errors.yaml", "  - {code: [4400, 4499]", f"{CLOSE_CODE}  - {{code: [4400, 4499]"),
    ("errors.yaml", "  - {http: 501", f"{HTTP_STATUS}  - {{http: 501"),
    ("options.yaml", "  - {name: cancelTimeout", f"{OPTION}  - {{name: cancelTimeout"),
)


def text(description: str, **more: Any) -> dict[str, Any]:
    """Return the schema of a string."""
    return {"type": "string", "description": description, **more}


SECRET = {"x-secret": True}
APPROVALS = {
    "type": "array",
    "description": "Who agreed.",
    "items": {
        "title": "Approval",
        "type": "object",
        "description": "One who agreed.",
        "properties": {"by": text("Who."), "token": text("What proves it.", **SECRET)},
        "required": ["by", "token"],
        "additionalProperties": False,
    },
}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "https://smooth-operator.dev/spec/1.1/actions/archive-conversation.schema.json",
    "title": "ArchiveConversation",
    "type": "object",
    "description": "Puts a conversation away.",
    "properties": {
        "action": {"const": NEW[2], "type": "string", "description": "Names the action."},
        "requestId": text("Id that the client drew for this action."),
        "conversationId": text("Conversation to put away."),
        "reason": text("Why."),
        "pin": text("What the owner alone knows.", **SECRET),
        "approvals": APPROVALS,
    },
    "required": ["action", "conversationId"],
    "additionalProperties": False,
    "$defs": {
        "Response": {
            "title": "ArchiveConversationResult",
            "type": "object",
            "description": "What was put away.",
            "properties": {
                "archivedAt": {
                    "type": "integer",
                    "description": "When, epoch ms.",
                    "minimum": 0,
                    "maximum": 9007199254740991,
                },
                "receipt": text("What opens it again.", **SECRET),
            },
            "required": ["archivedAt"],
            "additionalProperties": False,
        }
    },
}


def write_newer_spec(folder: Path) -> Path:
    """Write the copy with one more action into a folder that is not there yet, and return it."""
    copy_spec(folder)
    add_twin(folder / "asyncapi.yaml", KNOWN, NEW)
    schema = folder / "actions" / f"{NEW[1]}.schema.json"
    schema.write_text(json.dumps(SCHEMA, indent=2), encoding="utf-8")
    return folder


def write_newer_tables(folder: Path) -> Path:
    """Write the copy with more rows in its tables into a folder that is not there yet."""
    copy_spec(folder)
    for known, new in QUESTION_TWINS:
        add_twin(folder / "asyncapi.yaml", known, new)
    for name in ("actions/confirm-tool-action", "events/write-confirmation-required"):
        twin = renamed((folder / f"{name}.schema.json").read_text(encoding="utf-8"))
        (folder / f"{renamed(name)}.schema.json").write_text(twin, encoding="utf-8")
    for name, before, grown in ROWS:
        grow(folder / name, before, grown)
    add_machine(folder / "machine.yaml")
    return folder


def copy_spec(folder: Path) -> None:
    """Copy what a specification is written in."""
    shutil.copytree(ROOT / "spec", folder, ignore=shutil.ignore_patterns("vectors"))


def add_twin(path: Path, known: tuple[str, ...], new: tuple[str, ...]) -> None:
    """Add a message to the document, wherever it speaks of the known one."""
    document = path.read_text(encoding="utf-8")

    def twice(found: re.Match[str]) -> str:
        twin = found[0]
        for old, fresh in zip(known, new, strict=True):
            twin = twin.replace(old, fresh)
        return found[0] + twin

    for place in PLACES:
        named = place.format(known[0])
        document, found = re.subn(named, twice, document, flags=re.MULTILINE)
        assert found == 1, named
    path.write_text(document, encoding="utf-8")


def renamed(text: str) -> str:
    """Return a text with the names of the new question and its answer."""
    for old, fresh in RENAMED:
        text = text.replace(old, fresh)
    return text


def grow(path: Path, known: str, new: str) -> None:
    """Write the new text in the place of the known one, wherever it stands."""
    text = path.read_text(encoding="utf-8")
    assert known in text, (path.name, known)
    path.write_text(text.replace(known, new), encoding="utf-8")


def add_machine(path: Path) -> None:
    """Add the machine of the new question: that of a confirmation, under its own names."""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^  confirmation:\n(?:    .*\n)+", text, flags=re.MULTILINE)
    assert found
    machine = renamed(found[0].replace("  confirmation:", "  rating:", 1))
    path.write_text(f"{text.rstrip()}\n\n{machine}", encoding="utf-8")


if __name__ == "__main__":
    write_newer_spec(Path(sys.argv[1]))
