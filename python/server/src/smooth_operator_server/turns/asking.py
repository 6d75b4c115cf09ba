"""The questions a turn puts to a human, as events."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..engine import ToolCall
from ..protocol import frames
from ..protocol.refusals import Code
from ..questions import OtpDesk, OtpSendError
from ..store import QuestionRecord
from ..tools import AuthLevel, Tool
from .turn import Turn

MAX_DESCRIPTION = 500
"""Characters of a tool call that a human is asked about; longer ones end in an ellipsis."""


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A one-time code that a tool needs."""

    tool: str
    description: str
    level: AuthLevel


def describe_call(call: ToolCall, tool: Tool) -> str:
    """Say what a call would do: the tool's description and the arguments."""
    text = tool.description or f"Run {tool.name}"
    if call.arguments:
        text += f" {json.dumps(call.arguments, ensure_ascii=False)}"
    return text if len(text) <= MAX_DESCRIPTION else f"{text[: MAX_DESCRIPTION - 1]}…"


async def ask_approval(
    turn: Turn, question: QuestionRecord, call: ToolCall, tool: Tool, lives_s: float
) -> None:
    """Ask whether a call may be made."""
    await turn.emit(
        frames.write_confirmation_required(
            turn.request_id,
            turn.now(),
            tool=tool.name,
            description=describe_call(call, tool),
            confirmation_id=question.question_id,
            lives_ms=int(lives_s * 1000),
            extended=turn.extended,
        )
    )


async def ask_code(turn: Turn, otp: OtpDesk, request: CodeRequest, lives_s: float) -> None:
    """Ask for a one-time code and send it; a failed delivery leaves the question open."""
    assert otp.service is not None
    channel = otp.service.channel
    await turn.emit(
        frames.otp_verification_required(
            turn.request_id,
            turn.now(),
            tool=request.tool,
            description=request.description,
            channels=[channel],
            auth_level=request.level,
            lives_ms=int(lives_s * 1000),
            extended=turn.extended,
        )
    )
    try:
        destination = await otp.service.send(turn.session)
    except OtpSendError:
        await turn.emit(
            frames.error(
                turn.request_id,
                turn.now(),
                Code.OTP_SEND_FAILED,
                "the one-time code could not be delivered",
                terminal=False if turn.extended else None,
            )
        )
    else:
        await turn.emit(
            frames.otp_sent(
                turn.request_id, turn.now(), channel=channel, masked_destination=destination
            )
        )


async def ask_form(turn: Turn, question: QuestionRecord, reason: str, lives_s: float) -> None:
    """Ask for a form to be filled."""
    await turn.emit(
        frames.interaction_required(
            turn.request_id,
            turn.now(),
            interaction_id=question.question_id,
            kind=question.subject["kind"],
            spec=dict(question.subject["spec"]),
            reason=reason,
            lives_ms=int(lives_s * 1000),
            extended=turn.extended,
        )
    )
