"""Script files of the reference server: what the model says, in order, and which tools it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import wire
from .forms import CHOICES, IDENTITY, WORD_OF, checked_spec
from .playing import Play
from .reply import Otp, typed
from .script_errors import ScriptError

_ENTRY = {"text", "error", "toolCall", "reasoning", "preamble", "delayMs", "usage"}
_FORMS = {"request_identity_intake": IDENTITY, "request_choices": CHOICES}
_TOOL = {"name", "description", "parameters", "result", "confirm", "auth"}
_USUAL = {"promptTokens": 10, "completionTokens": 5}
DENIED = "denied"


class Script:
    """A script, and how far it was played. Its entries are consumed over all turns.

    Raises:
        ScriptError: the document is no script; the text says where.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        known(document, {"model", "tools", "otp", "confirmTools", "knowledge"}, "script")
        self._model = [_entry(one, n) for n, one in enumerate(_list(document, "model"))]
        if "model" not in document:
            raise ScriptError("script: /model is missing")
        self._tools = dict(_tool(one, n) for n, one in enumerate(_list(document, "tools")))
        self._confirmed = tuple(str(one) for one in _list(document, "confirmTools"))
        otp = document.get("otp") or {"code": "123456"}
        known(otp, {"code", "attempts", "channel", "sendFails"}, "script: /otp")
        self._otp = _otp(otp)
        self._delivers = not otp.get("sendFails", False)
        self._place = 0

    async def play(self, play: Play) -> None:
        """Play one turn: from the next entry to the one that ends it."""
        spent: dict[str, Any] = {}
        while not play.turn.settled:
            if self._place >= len(self._model):
                play.fail("AGENT_ERROR", "The script has no entry left.")
                return
            entry = self._model[self._place]
            self._place += 1
            await play.pause(entry.get("delayMs", 0))
            _add_usage(spent, entry)
            for name in ("reasoning", "preamble"):
                for word in words_of(entry.get(name, "")):
                    play.piece(f"stream_{name}", word)
            if "toolCall" in entry:
                await self._call(play, entry["toolCall"])
            elif "error" in entry:
                play.fail("AGENT_ERROR", "The agent failed.")
            elif "text" in entry:
                for word in words_of(entry["text"]):
                    play.piece("stream_token", word)
                play.finish(entry["text"], usage=typed(wire.types.Usage, spent, "script"))

    async def _call(self, play: Play, call: Mapping[str, Any]) -> None:
        name, arguments = call["name"], dict(call.get("arguments", {}))
        result, failed = await self._result(play, name, arguments)
        told: dict[str, Any] = {"name": name, "isError": failed, "result": result}
        for word, raw in (
            ("toolCall", {"name": name, "arguments": arguments}),
            ("toolResult", told),
        ):
            state = wire.types.StreamChunkState(raw_response={word: raw})
            play.emit(wire.StreamChunkEvent, node=name, state=state)

    async def _result(
        self, play: Play, name: str, arguments: Mapping[str, Any]
    ) -> tuple[Any, bool]:
        """Return what the tool says, and whether that is an error."""
        if name in _FORMS:
            return await self._form(play, _FORMS[name], arguments), False
        tool = self._tools.get(name)
        if tool is None:
            return "there is no such tool", True
        if tool.get("auth") == "admin":
            return DENIED, True
        session = play.turn.session
        described = tool.get("description") or f"Run {name}"
        if tool.get("auth") and not session.verified:
            given = await play.code_given(self._otp, name, described, sent=self._delivers)
            if not given:
                return DENIED, True
        if (
            tool.get("confirm") or any(part in name for part in self._confirmed)
        ) and not await play.confirmed(described, name):
            return DENIED, True
        return tool.get("result"), False

    @staticmethod
    async def _form(play: Play, kind: str, arguments: Mapping[str, Any]) -> Any:
        reason = str(arguments.get("reason", "The agent asks."))
        spec = {name: value for name, value in arguments.items() if name != "reason"}
        if kind == IDENTITY:
            spec["fields"] = [
                {"key": one, "required": True} if isinstance(one, str) else one
                for one in spec.get("fields", ())
            ]
        try:
            checked = checked_spec(kind, spec)
        except ScriptError as fault:
            return str(fault)
        if WORD_OF[kind] not in play.turn.session.words:
            return {"mode": "conversational", "kind": kind, "spec": checked, "reason": reason}
        return await play.form(kind, checked, reason)


def _otp(otp: Mapping[str, Any]) -> Otp:
    channel, attempts = otp.get("channel", "email"), otp.get("attempts", 3)
    if channel not in ("email", "sms"):
        raise ScriptError("script: /otp/channel is not email or sms")
    if not isinstance(attempts, int) or attempts < 1:
        raise ScriptError("script: /otp/attempts is not at least 1")
    if not isinstance(otp.get("code"), str):
        raise ScriptError("script: /otp/code is no text")
    return Otp(otp["code"], attempts, wire.OtpChannel(channel), "a***@example.com")


def words_of(text: str) -> list[str]:
    """Return the words of a text, each with the blank behind it; joined they are the text."""
    parts = text.split(" ")
    return [part + " " for part in parts[:-1]] + [parts[-1]] if text else []


def _add_usage(spent: dict[str, Any], entry: Mapping[str, Any]) -> None:
    usual = _USUAL if "text" in entry or "toolCall" in entry else {}
    for name, value in entry.get("usage", usual).items():
        spent[name] = spent.get(name, 0) + value


def known(document: object, names: set[str], where: str) -> None:
    """Refuse what is no object, and members that a script does not have."""
    if not isinstance(document, Mapping):
        raise ScriptError(f"{where} is no object")
    strange = sorted(set(document) - names)
    if strange:
        raise ScriptError(f"{where}: {strange[0]!r} is none of {', '.join(sorted(names))}")


def _list(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = document.get(name, ())
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ScriptError(f"script: /{name} is no list")
    return value


def _entry(entry: Any, number: int) -> Mapping[str, Any]:
    where = f"script: /model/{number}"
    known(entry, _ENTRY, where)
    kinds = [
        name for name in ("text", "error", "toolCall", "reasoning", "preamble") if name in entry
    ]
    if len(kinds) > 1 or not (kinds or "delayMs" in entry):
        raise ScriptError(
            f"{where} takes one of text, toolCall, reasoning, preamble, error, delayMs"
        )
    for name in kinds:
        if name == "toolCall":
            known(entry[name], {"name", "arguments"}, f"{where}/toolCall")
            if not isinstance(entry[name].get("name"), str):
                raise ScriptError(f"{where}/toolCall/name is missing")
        elif not isinstance(entry[name], str):
            raise ScriptError(f"{where}/{name} is no text")
    pause = entry.get("delayMs", 0)
    if not isinstance(pause, int) or pause < 0:
        raise ScriptError(f"{where}/delayMs is no number of milliseconds")
    return dict(entry)


def _tool(tool: Any, number: int) -> tuple[str, Mapping[str, Any]]:
    where = f"script: /tools/{number}"
    known(tool, _TOOL, where)
    if not isinstance(tool.get("name"), str):
        raise ScriptError(f"{where}/name is missing")
    return tool["name"], dict(tool)
