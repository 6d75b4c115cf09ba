"""The import check: what goes upwards is found in each language, what is allowed is not."""

from __future__ import annotations

from pathlib import Path

import pytest
import room_imports
import rooms
from room_imports import Use
from rooms import CLIENTS

BY_NAME = {client.language: client for client in CLIENTS}


@pytest.mark.parametrize(
    ("language", "use", "complaint"),
    [
        ("python", Use("_requests.py", 3, "turn.py", None), "requests must not use turn"),
        ("python", Use("wire/codec.py", 3, "errors.py", None), "wire must not use errors"),
        ("python", Use("turn.py", 3, None, "websockets.client"), "only the transport room"),
        ("typescript", Use("turn-state.ts", 3, "client.ts", None), "turnstate must not use client"),
        ("typescript", Use("turn.ts", 3, None, "ws"), "only the transport room"),
        ("go", Use("turn_driver.go", 3, "conversation.go", None), "must not use conversation"),
        ("go", Use("turn.go", 3, None, "github.com/coder/websocket"), "only the transport room"),
        (
            "dotnet",
            Use("Requests/Router.cs", 3, "Turn/Turn.cs", None),
            "requests must not use turn",
        ),
        ("rust", Use("connection/mod.rs", 3, "requests/mod.rs", None), "must not use requests"),
        ("rust", Use("turn/mod.rs", 3, None, "tokio_tungstenite"), "only the transport room"),
    ],
)
def test_use_that_goes_upwards_is_named(language: str, use: Use, complaint: str) -> None:
    found = rooms.complaint(BY_NAME[language], use)
    assert found is not None
    assert complaint in found
    assert f"{use.file}:3" in found


@pytest.mark.parametrize(
    ("language", "use"),
    [
        ("python", Use("turn.py", 1, "requests.py", None)),
        ("python", Use("transport.py", 1, None, "websockets.client")),
        ("python", Use("__init__.py", 1, "client.py", None)),
        ("typescript", Use("internal/turn.ts", 1, "internal/turn-state.ts", None)),
        ("go", Use("supervisor.go", 1, "link.go", None)),
        ("dotnet", Use("Connection/Outbox.cs", 1, "Wire/Machines.g.cs", None)),
        ("rust", Use("testing/fake.rs", 1, None, "tokio_tungstenite")),
    ],
)
def test_use_that_goes_downwards_or_is_free_passes(language: str, use: Use) -> None:
    assert rooms.complaint(BY_NAME[language], use) is None


def test_file_of_no_room_is_named() -> None:
    python = BY_NAME["python"]
    assert list(rooms.unknown_rooms(python, ["helpers.py"])) == [
        f"{python.source}/helpers.py: helpers is no room of tools/rooms.py"
    ]
    known = ("_turn_state.py", "wire/events.py", "__init__.py", "testing/x.py", "outbox.py")
    assert list(rooms.unknown_rooms(python, known)) == []


SOURCES = {
    "python": {
        "low.py": "from . import high\nif TYPE_CHECKING:\n    from .other import O\n",
        "high.py": "import websockets.client\nfrom .sub.deep import x\n",
        "other.py": "",
        "sub/deep.py": "from ..high import y\n",
    },
    "typescript": {
        "low.ts": "import { a } from './high.js';\nimport type { B } from './other.js';\n",
        "high.ts": "export const a = await import('ws');\n",
        "other.ts": "export interface B { c: 1 }\n",
    },
    "go": {
        "low.go": 'package p\n\nimport "fmt"\n\nfunc low() { fmt.Println(high{}.name()) }\n',
        "high.go": 'package p\n\ntype high struct{}\n\nfunc (high) name() string { return "" }\n',
    },
    "dotnet": {
        "Low.cs": "namespace P;\nstatic class Low { internal static int X => new High().Y; }\n",
        "High.cs": "namespace P;\nclass High { internal int Y => Environment.TickCount; }\n",
    },
    "rust": {
        "lib.rs": "mod low;\nmod high;\n",
        "low.rs": "//! See crate::nothing.\nuse super::high::High;\npub fn low(_: High) {}\n"
        "#[cfg(test)]\nmod tests {\n    use crate::lib2::X;\n}\n",
        "high.rs": "pub struct High(tungstenite::Message);\n",
    },
}
EDGES = {
    "python": {("low.py", "high.py"), ("high.py", "sub/deep.py"), ("sub/deep.py", "high.py")},
    "typescript": {("low.ts", "high.ts")},
    "go": {("low.go", "high.go")},
    "dotnet": {("Low.cs", "High.cs")},
    "rust": {("low.rs", "high.rs")},
}
OUTSIDE = {
    "python": {"websockets.client"},
    "typescript": {"ws"},
    "go": {"fmt"},
    "dotnet": {"System"},
    "rust": {"tungstenite"},
}


@pytest.mark.timeout(600)  # the first run builds the readers
@pytest.mark.parametrize("language", SOURCES)
def test_reader_sees_what_the_language_sees(language: str, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    for name, text in SOURCES[language].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found = room_imports.uses(language, str(folder))
    assert {(use.file, use.to) for use in found if use.to} == EDGES[language]
    assert OUTSIDE[language] <= {use.outside for use in found if use.outside}


def test_circle_of_rooms_in_a_program_is_named() -> None:
    around = [Use("a.py", 1, "b/c.py", None), Use("b/c.py", 1, "d.py", None)]
    assert rooms.circle("p", around) == []
    assert "circle" in rooms.circle("p", [*around, Use("d.py", 1, "a.py", None)])[0]
