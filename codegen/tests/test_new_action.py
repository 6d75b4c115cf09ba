"""An action that is new in the specification needs no hand-written line in the Go client."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiregen import generate, writing
from wiregen.build import build
from wiregen.config import load_config

from .driving import BUILT, PROJECT, environment

pytestmark = pytest.mark.timeout(300)
OPERATION = """  archiveConversation:
    action: receive
    channel: {$ref: '#/channels/agent'}
    messages:
      - {$ref: '#/channels/agent/messages/archiveConversation'}
    reply:
      channel: {$ref: '#/channels/agent'}
      messages:
        - {$ref: '#/channels/agent/messages/immediateResponse'}
        - {$ref: '#/channels/agent/messages/error'}
    x-result:
      message: immediate_response
      at: /data
      schema: {$ref: 'archive.json#/$defs/Response'}
"""
MESSAGE = """    archiveConversation:
      name: archive_conversation
      payload:
        schemaFormat: application/schema+json;version=2020-12
        schema: {$ref: 'archive.json'}
"""
LISTED = "{$ref: '#/components/messages/archiveConversation'}"
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "ArchiveConversation",
    "description": "Puts a conversation away.",
    "type": "object",
    "additionalProperties": False,
    "required": ["action", "conversationId"],
    "properties": {
        "action": {"const": "archive_conversation", "type": "string"},
        "requestId": {"type": "string", "description": "Id of this action."},
        "conversationId": {"type": "string", "description": "Which one."},
    },
    "$defs": {
        "Response": {
            "title": "ArchiveConversationResult",
            "description": "What was put away.",
            "type": "object",
            "required": ["archivedAt"],
            "properties": {"archivedAt": {"type": "integer", "description": "When."}},
        }
    },
}
CALL = """package protocol_test

import (
	"testing"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

func TestNewAction(t *testing.T) {
	r := connected(t)
	call := later(func() (*protocol.ArchiveConversationResult, error) {
		return protocol.Call(within(t), r.client, protocol.ArchiveConversation{ConversationID: "c"})
	})
	got := r.recv("archive_conversation")
	if got["requestId"] != "r1" || got["conversationId"] != "c" || len(got) != 3 {
		t.Error(got)
	}
	data := frame{"archivedAt": 7.0}
	r.send(frame{"type": "immediate_response", "requestId": "r1", "status": 200, "data": data})
	if found := receive(t, call, "the answer"); found.err != nil || found.value.ArchivedAt != 7 {
		t.Error(found)
	}
}
"""
NO_CALL = """package protocol_test

import "github.com/SmooAI/smooth-operator/go/protocol"

var _ = func(c *protocol.Client) { _, _ = protocol.Call(nil, c, protocol.ACTION{}) }
"""


def specification(folder: Path) -> Path:
    shutil.copytree(PROJECT / "spec", folder, ignore=shutil.ignore_patterns("vectors", "released"))
    path = folder / "asyncapi.yaml"
    text = path.read_text(encoding="utf-8")
    channel = "      sendMessage: {$ref: '#/components/messages/sendMessage'}\n"
    for anchor, more in (
        (channel, f"      archiveConversation: {LISTED}\n"),
        ("  sendMessage:\n    action: receive\n", OPERATION),
        ("    sendMessage:\n      name: send_message\n", MESSAGE),
    ):
        assert text.count(anchor) == 1
        text = text.replace(anchor, more + anchor)
    path.write_text(text, encoding="utf-8")
    (folder / "archive.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    return folder


@pytest.fixture
def project() -> Iterator[Path]:
    """A folder that is always at the same place, so that a warm build cache compiles nothing."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "new-action.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = BUILT / "new-action"
        shutil.rmtree(folder, ignore_errors=True)
        yield folder


def _go(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *command],
        cwd=root / "go",
        env=environment("go"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_new_action_is_called_from_go_without_a_hand_written_line(project: Path) -> None:
    spec = build(specification(project / "spec"))
    shutil.copytree(PROJECT / "go", project / "go")
    config = load_config(PROJECT / "codegen" / "wiregen.toml")
    writing.write_all(project, generate.raw_files(spec, config, "go"))
    test = project / "go" / "protocol" / "new_action_test.go"
    test.write_text(CALL, encoding="utf-8")
    ran = _go(project, "test", "-v", "-run", "TestNewAction", "./protocol")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "--- PASS: TestNewAction" in ran.stdout
    for action in ("SendMessage", "VerifyOTP"):
        test.write_text(NO_CALL.replace("ACTION", action), encoding="utf-8")
        refused = _go(project, "vet", "./protocol")
        assert refused.returncode != 0
        assert f"protocol.{action}{{}} does not match protocol.CallAction[R]" in refused.stderr
