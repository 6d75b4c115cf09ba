"""Where secrets lie: alone, in lists, in what lies in itself, at both places of a mirror."""

from __future__ import annotations

from pathlib import Path

from newer_spec import write_newer_spec

from wiregen.build import build
from wiregen.hidden import holds_secret, places_below, secret_table

from .conftest import Json, Workspace

ATLAS = Path(__file__).parent / "protocols" / "atlas"


def test_secrets_of_actions_events_and_results_are_places(tmp_path: Path) -> None:
    spec = build(write_newer_spec(tmp_path / "spec"))
    assert secret_table(spec, spec.actions) == {
        "create_conversation_session": (("authContext", "signature"),),
        "archive_conversation": (("pin",), ("approvals",)),
        "verify_otp": (("code",),),
    }
    assert secret_table(spec, spec.events) == {"immediate_response": (("data", "receipt"),)}
    assert places_below(spec, "ArchiveConversationResult") == (("receipt",),)


def test_secrets_of_types_that_events_share_lie_below_them() -> None:
    spec = build(ATLAS)
    assert secret_table(spec, spec.actions) == {"open": (("name",),)}
    assert secret_table(spec, spec.events) == {
        "class": (("self",), ("error", "string")),
        "refused": (("why", "string"),),
    }
    assert holds_secret(spec, "Keyword") is False


def test_a_mirror_is_secret_at_both_places_and_what_lies_in_itself_as_a_whole(
    workspace: Workspace,
) -> None:
    def mark(schema: Json) -> None:
        schema["properties"]["celsius"]["x-secret"] = True
        schema["properties"]["before"] = {"$ref": "#", "description": "The one before."}

    workspace.edit("events/reading.schema.json", mark)
    spec = build(workspace.spec)
    assert secret_table(spec, spec.events) == {
        "reading": (
            ("celsius",),
            ("before", "celsius"),
            ("before", "before"),
            ("body", "celsius"),
        )
    }
