"""``PUT /script``: another script in place of the one that a server was started with.

A test of the protocol from outside (``conform server --script-url``) says so what the model does
next. It is there with ``--script`` alone, and only for whoever may use the admin REST.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .agent import SCRIPT_GROUP, check_names, code_of
from .auth import Principal, Role
from .engine.script import ScriptEngine
from .engine.script_file import Script, ScriptError, parse_script
from .knowledge import Knowledge
from .protocol.json_text import read_json
from .questions import OtpDesk
from .tools import ToolRegistry
from .tools.builtin import scripted_tools

LARGEST_SCRIPT = 1024 * 1024
"""Bytes of a script that is put."""


class ScriptHook:
    """Puts scripts in the place of a server's. Turns that run read on in the new one.

    ``confirm_words`` is changed in place: those of the settings, ``fixed_words``, stay.
    """

    def __init__(
        self,
        engine: ScriptEngine,
        tools: ToolRegistry,
        otp: OtpDesk,
        confirm_words: list[str],
        fixed_words: Sequence[str],
        knowledge: Knowledge,
        principal: Callable[[Request], Awaitable[Principal]],
    ) -> None:
        self._engine = engine
        self._tools = tools
        self._otp = otp
        self._confirm_words = confirm_words
        self._knowledge = knowledge
        self._principal = principal
        self._fixed_words = tuple(fixed_words)

    def route(self) -> Route:
        return Route("/script", self.put, methods=["PUT"])

    async def put(self, request: Request) -> Response:
        """Take a script whole, or refuse it with one sentence and keep the one before."""
        principal = await self._principal(request)
        if not principal.role.holds(Role.ADMIN):
            return _refused(403, "FORBIDDEN", "not for you")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_SCRIPT:
                return _refused(413, "TOO_LARGE", f"more than {LARGEST_SCRIPT} bytes")
        try:
            script = parse_script(read_json(body.decode("utf-8")))
            check_names(script)
        except json.JSONDecodeError as fault:
            where = f"{fault.lineno}:{fault.colno}: {fault.msg}"
            return _refused(400, "VALIDATION_ERROR", f"the script is not JSON: {where}")
        except RecursionError:
            return _refused(400, "VALIDATION_ERROR", "the script is nested too deeply")
        except UnicodeDecodeError:
            return _refused(400, "VALIDATION_ERROR", "the script is not UTF-8")
        except (ScriptError, ValueError) as fault:
            return _refused(400, "VALIDATION_ERROR", str(fault))
        await self._take(script)
        return Response(status_code=204)

    async def _take(self, script: Script) -> None:
        """Documents first, which can fail; the rest is of one piece."""
        for item in script.knowledge:
            await self._knowledge.add(item["source"], item["content"])
        self._tools.put_group(SCRIPT_GROUP, scripted_tools(script.tools))
        self._otp.service = code_of(script)
        self._confirm_words[:] = (*self._fixed_words, *script.confirm_tools)
        self._engine.restart(script.model)


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
