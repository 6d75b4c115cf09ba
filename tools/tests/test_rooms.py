"""The import check: what goes upwards is found in each language, what is allowed is not."""

from __future__ import annotations

import pytest
import rooms
from rooms import DOTNET, GO, PYTHON, RUST, TYPESCRIPT, Client

PY = PYTHON.source
TS = TYPESCRIPT.source


@pytest.mark.parametrize(
    ("client", "name", "text", "complaint"),
    [
        (PYTHON, f"{PY}/requests.py", "from .turn import Turn\n", "requests must not use turn"),
        (PYTHON, f"{PY}/requests.py", "from . import turn\n", "requests must not use turn"),
        (
            PYTHON,
            f"{PY}/errors.py",
            "import smooth_operator\nfrom smooth_operator.turn import T",
            ":2",
        ),
        (PYTHON, f"{PY}/wire/codec.py", "from ..errors import E\n", "wire must not use errors"),
        (PYTHON, f"{PY}/turn.py", "import websockets.client\n", "only the transport room"),
        (
            TYPESCRIPT,
            f"{TS}/turn-state.ts",
            "import {\n C\n} from './client.js';",
            "not use client",
        ),
        (TYPESCRIPT, f"{TS}/wire/codec.ts", "import { E } from '../errors.js';", "not use errors"),
        (TYPESCRIPT, f"{TS}/turn.ts", "const ws = await import('ws');", "only the transport room"),
        (RUST, "rust/src/connection.rs", "use crate::turn::Turn;", "must not use turn"),
        (RUST, "rust/src/turn.rs", "use tokio_tungstenite::X;", "only the transport room"),
        (
            GO,
            f"{GO.source}/turn.go",
            'import (\n\t"github.com/coder/websocket"\n)\n',
            "only the transport",
        ),
        (
            DOTNET,
            f"{DOTNET.source}/Requests/Pending.cs",
            "using SmooAI.SmoothOperator.Turn;",
            "requests must not use turn",
        ),
    ],
)
def test_import_that_goes_upwards_is_named(
    client: Client, name: str, text: str, complaint: str
) -> None:
    found = list(rooms.complaints(client, name, text))
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("client", "name", "text"),
    [
        (PYTHON, f"{PY}/turn.py", "from .requests import R\nfrom .wire import events\n"),
        (PYTHON, f"{PY}/turn.py", "if TYPE_CHECKING:\n    from .client import C\n"),
        (PYTHON, f"{PY}/wire/codec.py", "from .events import E\nfrom . import machine\n"),
        (PYTHON, f"{PY}/transport.py", "from websockets.client import ClientProtocol\n"),
        (PYTHON, f"{PY}/__init__.py", "from .client import C\nfrom .errors import E\n"),
        (PYTHON, f"{PY}/testing/fake_server.py", "from ..client import C\nimport websockets\n"),
        (TYPESCRIPT, f"{TS}/turn.ts", "import type { C } from './client.js';"),
        (TYPESCRIPT, f"{TS}/turn.ts", "import { a } from './turn-state.js';"),
        (TYPESCRIPT, f"{TS}/transport.ts", "import WebSocket from 'ws';"),
        (RUST, "rust/src/requests.rs", "#[cfg(test)]\nmod tests { use crate::client::C; }"),
        (RUST, "rust/src/turn.rs", "/// See crate::client::Client.\nuse crate::errors::E;"),
        (GO, f"{GO.source}/transport.go", 'import "github.com/coder/websocket"\n'),
    ],
)
def test_import_that_goes_downwards_or_is_free_passes(client: Client, name: str, text: str) -> None:
    assert list(rooms.complaints(client, name, text)) == []


def test_file_of_no_room_is_named() -> None:
    assert list(rooms.unknown_rooms(PYTHON, f"{PY}/helpers.py")) == [
        f"{PY}/helpers.py: helpers is no room of tools/rooms.py"
    ]
    for name in ("turn_state.py", "wire/events.py", "__init__.py", "testing/x.py"):
        assert list(rooms.unknown_rooms(PYTHON, f"{PY}/{name}")) == []
