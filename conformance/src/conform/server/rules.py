"""Which checks there are: the rule of each, the version that has it, its level, its script.

Level 0 needs nothing of a server; what takes a model is looked for with what people would say
(``--ask``). Level 1 has the model say what the check needs. Level 2 is hostile, and watches that
others are not hurt. A check of a later version is not asked of an earlier server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from conform.server import (
    answers,
    calls,
    fields,
    floods,
    hostile,
    links,
    questions,
    replays,
    scripts,
    stops,
    talks,
    turns,
)
from conform.server.peer import Peer
from conform.spec import Tree

Check = Callable[[Peer], Awaitable[None]]
FIRST = "1.0"
LEVELS = (0, 1, 2)


class Rule(NamedTuple):
    """One check. ``script``: what the model is to say, where there is a hook."""

    rule: str
    since: str
    check: Check
    level: int = 0
    script: Tree | None = None

    @property
    def title(self) -> str:
        """What is checked, as the check itself says it."""
        return (self.check.__doc__ or "").strip().partition("\n")[0]

    @property
    def name(self) -> str:
        """A word for it, for ``--only`` and reports."""
        return self.check.__name__.removeprefix("check_")


_LINKS = (
    Rule("RFC-6455-4", FIRST, links.check_handshake),
    Rule("RFC-6455-5.5", FIRST, links.check_control),
    Rule("RFC-6455-7", FIRST, links.check_close),
)
_CALLS = (
    Rule("REQ-SRV-01", FIRST, calls.check_ping),
    Rule("REQ-SRV-02", FIRST, calls.check_malformed),
    Rule("REQ-SRV-01", FIRST, calls.check_sessions),
    Rule("REQ-SRV-06", FIRST, calls.check_tolerance),
    Rule("REQ-SRV-06", FIRST, fields.check_required),
    Rule("REQ-SRV-06", "1.1", fields.check_bounds),
    Rule("REQ-SRV-12", FIRST, calls.check_history),
    Rule("REQ-SRV-09", FIRST, calls.check_verbs),
    Rule("REQ-SRV-01", FIRST, fields.check_unknown),
    Rule("REQ-SRV-31", FIRST, fields.check_foreign),
    Rule("REQ-SRV-16", FIRST, links.check_another_link),
    Rule("REQ-SRV-05", "1.1", calls.check_negotiation),
    Rule("REQ-SRV-16", "1.2", calls.check_two_links),
    Rule("REQ-SRV-17", "1.2", calls.check_ids),
    Rule("REQ-SRV-20", "1.2", calls.check_words),
    Rule("REQ-SRV-21", "1.2", fields.check_resume_withheld),
    Rule("REQ-SRV-22", "1.2", fields.check_list),
)
_ASKED = (  # seen at level 0 too, when the server understands what is said
    Rule("REQ-SRV-03", FIRST, turns.check_turn, 0, scripts.ANSWERS),
    Rule("REQ-SRV-04", FIRST, turns.check_tool_chunks, 0, scripts.TOOL),
    Rule("REQ-SRV-08", FIRST, turns.check_unstreamed, 0, scripts.TOOL),
    Rule("REQ-SRV-12", FIRST, turns.check_pages, 0, scripts.ANSWERS),
    Rule("REQ-STOP-02", FIRST, turns.check_cancel, 0, scripts.STEERED),
    Rule("REQ-SRV-07", FIRST, turns.check_cancel_of_another, 0, scripts.SPEAKING),
    Rule("REQ-SRV-11", FIRST, turns.check_one_at_a_time, 0, scripts.STEERED),
    Rule("REQ-SRV-04", FIRST, questions.check_confirmation, 0, scripts.CONFIRMATION),
    Rule("REQ-SRV-05", FIRST, questions.check_plain_question, 0, scripts.CONFIRMATION),
    Rule("REQ-FORM-01", FIRST, questions.check_form, 0, scripts.FORMS),
    Rule("REQ-OTP-02", FIRST, questions.check_codes, 0, scripts.CODES),
    Rule("REQ-CALL-08", "1.1", turns.check_resume, 0, scripts.ANSWERS),
    Rule("REQ-CALL-03", "1.1", turns.check_conversations, 0, scripts.ANSWERS),
    Rule("REQ-SRV-07", "1.1", questions.check_stale_confirmation, 0, scripts.CONFIRMATION),
    Rule("REQ-SRV-13", "1.2", questions.check_declined_code, 0, scripts.CODES),
    Rule("REQ-SRV-14", "1.2", questions.check_empty_form, 0, scripts.FORMS),
)
_SCRIPTED = (
    Rule("REQ-SRV-10", FIRST, talks.check_stream, 1, scripts.STREAM),
    Rule("REQ-SRV-04", FIRST, talks.check_tool, 1, scripts.TOOL),
    Rule("REQ-SRV-03", FIRST, talks.check_failing, 1, scripts.FAILING),
    Rule("REQ-SRV-16", FIRST, talks.check_two_sessions, 1, scripts.SIDE_BY_SIDE),
    Rule("REQ-SRV-23", "1.2", talks.check_message_of_pictures, 1, scripts.ANSWERS),
    Rule("REQ-SRV-11", "1.1", talks.check_one_a_conversation, 1, scripts.STEERED),
    Rule("REQ-SRV-33", "1.2", talks.check_history_of_turns, 1, scripts.HISTORY),
    Rule("REQ-SRV-36", "1.2", talks.check_detached, 1, scripts.PACED),
    Rule("REQ-SRV-04", FIRST, answers.check_approved, 1, scripts.CONFIRMATION),
    Rule("REQ-SRV-09", "1.1", answers.check_expired, 1, scripts.EXPIRING),
    Rule("REQ-SRV-16", "1.2", answers.check_approved_elsewhere, 1, scripts.CONFIRMATION),
    Rule("REQ-OTP-04", "1.1", answers.check_right_code, 1, scripts.CODES),
    Rule("REQ-OTP-03", FIRST, answers.check_code_and_again, 1, scripts.CODES),
    Rule("REQ-OTP-02", FIRST, answers.check_unsent_code, 1, scripts.UNSENT),
    Rule("REQ-FORM-01", FIRST, answers.check_filled_form, 1, scripts.FORMS),
    Rule("REQ-STOP-02", FIRST, stops.check_stop_confirmation, 1, scripts.CONFIRMATION),
    Rule("REQ-STOP-02", "1.1", stops.check_stop_code, 1, scripts.CODES),
    Rule("REQ-STOP-02", FIRST, stops.check_stop_form, 1, scripts.FORMS),
    Rule("REQ-SRV-15", FIRST, stops.check_stop_too_late, 1, scripts.ANSWERS),
    Rule("REQ-SRV-15", "1.2", stops.check_stop_by_session, 1, scripts.STEERED),
    Rule("REQ-SRV-15", "1.2", stops.check_stop_elsewhere, 1, scripts.STEERED),
    Rule("REQ-SRV-26", "1.2", replays.check_cut, 1, scripts.PACED),
    Rule("REQ-SRV-27", "1.2", replays.check_late, 1, scripts.TOOL),
    Rule("REQ-SRV-31", "1.2", replays.check_unknown_turns, 1, scripts.ANSWERS),
    Rule("REQ-SRV-28", "1.2", replays.check_never, 1, scripts.ANSWERS),
    Rule("REQ-SRV-29", "1.2", replays.check_same_id, 1, scripts.PACED),
    Rule("REQ-SRV-30", "1.2", replays.check_moved, 1, scripts.MOVING),
    Rule("REQ-SRV-32", "1.2", replays.check_open_turn, 1, scripts.CONFIRMATION),
    Rule("REQ-SRV-15", "1.2", replays.check_stop_after_cut, 1, scripts.STEERED),
)
_HOSTILE = (
    Rule("RFC-6455-5.4", FIRST, hostile.check_fragments, 2, scripts.ANSWERS),
    Rule("REQ-SRV-01", FIRST, hostile.check_coalesced, 2, scripts.ANSWERS),
    Rule("RFC-6455-5", FIRST, hostile.check_lawless, 2, scripts.ANSWERS),
    Rule("REQ-SRV-02", FIRST, hostile.check_binary, 2, scripts.ANSWERS),
    Rule("RFC-6455-10.4", FIRST, hostile.check_giant, 2, scripts.ANSWERS),
    Rule("REQ-SRV-02", FIRST, hostile.check_odd, 2, scripts.ANSWERS),
    Rule("REQ-SRV-35", FIRST, hostile.check_odd_words, 2, scripts.ANSWERS),
    Rule("RFC-6455-4", FIRST, hostile.check_no_handshake, 2, scripts.ANSWERS),
    Rule("REQ-SRV-06", FIRST, fields.check_types, 2, scripts.ANSWERS),
    Rule("REQ-SRV-19", FIRST, floods.check_flood, 2, scripts.ANSWERS),
    Rule("REQ-SRV-19", FIRST, floods.check_slow_reader, 2, scripts.ANSWERS),
    Rule("REQ-SRV-19", FIRST, floods.check_half_open, 2, scripts.ANSWERS),
    Rule("REQ-SRV-36", FIRST, floods.check_resets, 2, scripts.SIDE_BY_SIDE),
    Rule("REQ-SRV-11", FIRST, talks.check_two_at_once, 2, scripts.STEERED),
    Rule("REQ-SRV-29", "1.2", floods.check_same_frame, 2, scripts.ANSWERS),
    Rule("REQ-SRV-07", FIRST, floods.check_guessed_ids, 2, scripts.CONFIRMATION),
    Rule("REQ-SRV-31", "1.2", floods.check_stolen_turn, 2, scripts.PACED),
)
CHECKS: tuple[Rule, ...] = (*_LINKS, *_CALLS, *_ASKED, *_SCRIPTED, *_HOSTILE)
