"""The bare server of the server bench: Starlette on uvicorn that sends the same frames.

One `json.dumps` and one yield a frame, with the settings that the reference server gives uvicorn;
no store, no turn, no check.

    python bench/server/bare.py WORDS        prints the port, serves until its standard input ends
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
import uuid

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

WORDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20


async def stream(socket_: WebSocket, request_id: str) -> None:
    """Send a whole turn."""
    now = time.time_ns() // 1_000_000
    start = {"type": "immediate_response", "requestId": request_id, "status": 202}
    await socket_.send_text(json.dumps(start | {"data": {}, "timestamp": now}))
    for number in range(WORDS):
        token = f"word{number:05} "
        frame = {
            "type": "stream_token",
            "requestId": request_id,
            "token": token,
            "data": {"requestId": request_id, "token": token},
            "timestamp": time.time_ns() // 1_000_000,
        }
        await socket_.send_text(json.dumps(frame))
        await asyncio.sleep(0)
    inner = {"messageId": str(uuid.uuid4()), "response": {"responseParts": [""]}}
    data = {"requestId": request_id, "status": 200, "data": inner}
    end = {"type": "eventual_response", "requestId": request_id, "status": 200, "data": data}
    await socket_.send_text(json.dumps(end))


async def serve(socket_: WebSocket) -> None:
    """Answer one socket."""
    await socket_.accept()
    try:
        while True:
            action = json.loads(await socket_.receive_text())
            if action["action"] == "send_message":
                await stream(socket_, action["requestId"])
                continue
            frame = {"type": "immediate_response", "requestId": action["requestId"], "status": 200}
            data = {"sessionId": str(uuid.uuid4()), "agentId": action.get("agentId")}
            await socket_.send_text(json.dumps(frame | {"data": data}))
    except WebSocketDisconnect:
        return


def main() -> None:
    """Listen on a free port until standard input ends."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    bound.listen(2048)
    print(bound.getsockname()[1], flush=True)
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/ws", serve)]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_ping_timeout=None,
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), lambda: setattr(server, "should_exit", True))
        await server.serve(sockets=[bound])

    asyncio.run(run())


if __name__ == "__main__":
    main()
