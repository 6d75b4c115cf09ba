"""A copy of the specification with one more action, as whoever changes the protocol would add it.

The tests of all five clients print a wire room from it and call `archive_conversation` without a
hand-written line in the client. The action and its answer have secrets, by themselves and in a
list, which no log and no textual form may show.

    python3 tools/newer_spec.py FOLDER     write the copy; FOLDER is made
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
# Where the document speaks of an action: the channel, the operations, the messages.
PLACES = (
    r"^      renameConversation: .*\n",
    r"^  renameConversation:\n(?:    .*\n)+",
    r"^    renameConversation:\n(?:      .*\n)+",
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
                "archivedAt": {"type": "integer", "description": "When, epoch ms."},
                "receipt": text("What opens it again.", **SECRET),
            },
            "required": ["archivedAt"],
            "additionalProperties": False,
        }
    },
}


def write_newer_spec(folder: Path) -> Path:
    """Write the copy into a folder that is not there yet, and return the folder."""
    shutil.copytree(ROOT / "spec", folder, ignore=shutil.ignore_patterns("vectors"))
    path = folder / "asyncapi.yaml"
    document = path.read_text(encoding="utf-8")
    for place in PLACES:
        document, found = re.subn(place, twice, document, flags=re.MULTILINE)
        assert found == 1, place
    path.write_text(document, encoding="utf-8")
    schema = folder / "actions" / f"{NEW[1]}.schema.json"
    schema.write_text(json.dumps(SCHEMA, indent=2), encoding="utf-8")
    return folder


def twice(found: re.Match[str]) -> str:
    """Return what was found, and the same of the new action after it."""
    twin = found[0]
    for known, new in zip(KNOWN, NEW, strict=True):
        twin = twin.replace(known, new)
    return found[0] + twin


if __name__ == "__main__":
    write_newer_spec(Path(sys.argv[1]))
