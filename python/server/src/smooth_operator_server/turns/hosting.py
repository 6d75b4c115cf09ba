"""Turns of this server, for what arrives at other ones: links, answers, cancels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..backplane import Notice, Post
from ..clock import Clock
from ..protocol import frames
from ..protocol.frames import Frame, Resume
from ..protocol.peer import Peer
from ..questions import OpenQuestions
from ..questions.acknowledging import words_of
from ..store import LeaseLostError, QuestionRecord, SessionRecord
from .channel import Channel
from .channels import Channels
from .elsewhere import Elsewhere
from .following import Following, about
from .ledger import Ledger

UNHEARD = 3
"""Times of a lease after which a link is lost whose server says nothing of it."""


class Hosting:
    """Answers other servers, and asks them, about the channels of turns."""

    def __init__(
        self,
        post: Post,
        channels: Channels,
        ledger: Ledger,
        questions: OpenQuestions,
        following: Following,
        clock: Clock,
    ) -> None:
        self._post = post
        self._channels = channels
        self._ledger = ledger
        self._questions = questions
        self._following = following
        self._clock = clock
        self.left_alone: Callable[[Channel], None] = lambda _: None
        """Told of a channel that lost its link."""
        post.on("attach", self._attach)
        post.on("renew", self._renew)
        post.on("detach", self._detach)
        post.on("say", self._said)
        post.on("answered", self._answered)
        questions.on_answered_elsewhere = self._tell_answered

    def _find(self, notice: Notice) -> Channel | None:
        return self._channels.find(notice["conversation"], notice["request"])

    async def _attach(self, notice: Notice) -> Notice:
        channel = self._find(notice)
        if channel is None:
            return {"state": None}
        last = channel.last_seq
        if not channel.holds_after(notice["after"]):
            return {"state": Resume.GONE.value, "last": last}
        node, link = notice["by"], notice["link"]
        if channel.taken.is_set() and not has_link(channel, node, link):
            moved = frames.turn_resumed(
                notice["request"], self._clock.epoch_ms(), Resume.MOVED, last
            )
            channel.peer.send_now(moved)
        now = self._clock.monotonic()
        channel.attach_elsewhere(Elsewhere(self._post, node, link, notice["turn"], now))
        state = Resume.SETTLED if channel.is_settled else Resume.RUNNING
        return {"state": state.value, "last": last}

    async def _renew(self, notice: Notice) -> Notice:
        channel = self._find(notice)
        if channel is None or not has_link(channel, notice["by"], notice["link"]):
            return {"holds": False}
        assert isinstance(channel.peer, Elsewhere)
        channel.peer.seen = self._clock.monotonic()
        return {"holds": True}

    async def _detach(self, notice: Notice) -> None:
        channel = self._find(notice)
        if channel is not None and has_link(channel, notice["by"], notice["link"]):
            self._let_go(channel)

    def _let_go(self, channel: Channel) -> None:
        channel.detach(channel.peer)
        self.left_alone(channel)

    def sweep(self) -> None:
        """Let the links go whose server has not been heard of for long."""
        over = self._clock.monotonic() - UNHEARD * self._ledger.lease_s
        for channel in self._channels.open:
            if isinstance(channel.peer, Elsewhere) and channel.peer.seen < over:
                self._let_go(channel)

    async def say(
        self,
        session: SessionRecord | None,
        frame: Frame,
        peer: Peer,
        question: QuestionRecord | None = None,
    ) -> None:
        """Send the answer to a verb: an event of the turn that it names, where that is numbered.

        Who asked is told in any case, without ``seq`` when another link has the turn. A refusal is
        nothing for that link, and nothing behind the end of a turn. With ``question`` it tells
        that this one was answered, which a turn says once.
        """
        words = () if question is None else words_of(question)
        request_id = frame.get("requestId")
        if session is not None and request_id is not None:
            channel = self._channels.find(session.conversation_id, request_id)
            if channel is not None:
                is_holder = channel.peer is peer
                if not is_event(frame, channel, is_holder=is_holder):
                    is_holder = False
                elif not has_told(channel, words):
                    await emit(channel, frame)
            else:
                is_holder = await self._say_elsewhere(session, request_id, frame, peer, words)
            if is_holder:
                return
        await peer.send(frame)

    async def has_turn(self, session: SessionRecord, request_id: str, peer: Peer) -> bool:
        """Tell whether a link has the turn of a requestId, here or at another server."""
        channel = self._channels.find(session.conversation_id, request_id)
        if channel is not None or not self._post.backplane.is_shared:
            return channel is not None and channel.peer is peer
        record = await self._ledger.named(session.conversation_id, request_id)
        return record is not None and self._following.follows(record.turn_id, peer)

    async def asker(self, session: SessionRecord, request_id: str) -> str | None:
        """Return the session by which the message of a requestId came into its conversation."""
        record = await self._ledger.named(session.conversation_id, request_id)
        return None if record is None else record.session_id

    async def _say_elsewhere(
        self,
        session: SessionRecord,
        request_id: str,
        frame: Frame,
        peer: Peer,
        words: Sequence[str],
    ) -> bool:
        """Have another server say it; tell whether the asking link has the turn."""
        if not self._post.backplane.is_shared:
            return False
        record = await self._ledger.named(session.conversation_id, request_id)
        if record is None:
            return False
        owner, members = record.lease.owner, about(record, peer)
        told = await self._post.ask(owner, "say", frame=frame, words=words, **members)
        if not self._following.follows(record.turn_id, peer):
            return told is not None and bool(told["holder"])
        if told is None or not told["said"]:
            # Its server is gone. An event without a number would break the stream of the link;
            # over the next one it finds out what became of its answer.
            peer.fell_behind()
            return True
        return bool(told["holder"]) or frame["type"] != "error"

    async def _said(self, notice: Notice) -> Notice:
        channel = self._find(notice)
        if channel is None:
            return {"holder": False, "said": False}
        is_holder = has_link(channel, notice["by"], notice["link"])
        if not is_event(notice["frame"], channel, is_holder=is_holder):
            return {"holder": False, "said": True}
        if not has_told(channel, notice["words"]):
            await emit(channel, notice["frame"])
        return {"holder": is_holder, "said": True}

    def _tell_answered(self, question: QuestionRecord) -> None:
        """Wake the turn of another server that waits for a question."""
        if self._post.backplane.is_shared:
            about_it = {"turn": question.turn_id, "question": question.question_id}
            self._post.tell_later(None, "answered", **about_it)

    async def _answered(self, notice: Notice) -> None:
        self._questions.release_here(notice["question"])


def is_event(frame: Frame, channel: Channel, *, is_holder: bool) -> bool:
    """Tell whether the answer to a verb is an event of the turn.

    Nothing is when the turn has ended, and a refusal is none that another link asked for: a verb
    that lay unread on a lost link is not refused toward the link that has the turn.
    """
    return not channel.is_settled and (is_holder or not _is_refusal(frame))


def _is_refusal(frame: Frame) -> bool:
    """Tell whether a verb found nothing to answer; a wrong code is a try at an open question."""
    if frame["type"] == "otp_invalid":
        return bool(frame["data"]["data"]["error"] == "NOT_FOUND")
    return bool(frame["type"] == "error")


async def emit(channel: Channel, frame: Frame) -> None:
    """Say something on the channel of a turn, unless another server has taken the turn over."""
    try:
        await channel.emit(frame)
    except LeaseLostError:
        channel.abandon()


def has_told(channel: Channel, words: Sequence[str]) -> bool:
    """Tell whether a turn that went on here has said already that its question was answered.

    Whoever takes a turn over finds the answer in the store, and says so.
    """
    return channel.continues and bool(words) and channel.has_said_after(*words)


def has_link(channel: Channel, node: str, link: str) -> bool:
    """Tell whether a link of another server has the turn of a channel."""
    return isinstance(channel.peer, Elsewhere) and channel.peer.is_link(node, link)
