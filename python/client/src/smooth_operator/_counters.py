"""What a client counts (REQ-LOG-03)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """Counts of one client since it was made, as they stood when they were asked for."""

    connects: int
    """Links that opened."""
    reconnects: int
    """Those of them that were found again after a loss."""
    frames_in: int
    """Messages that came, of any kind."""
    frames_out: int
    """Messages that a socket took."""
    dropped_frames: int
    """Messages that were malformed (REQ-WIRE-04)."""
    open_turns: int
    """Turns that have no outcome yet."""
    resumed_turns: int
    """How often a turn that was suspended went on (REQ-RESUME-04)."""


class Tally:
    """The counts as they grow."""

    __slots__ = (
        "connects",
        "dropped_frames",
        "frames_in",
        "frames_out",
        "reconnects",
        "resumed_turns",
    )

    def __init__(self) -> None:
        self.connects = self.reconnects = self.resumed_turns = 0
        self.frames_in = self.frames_out = self.dropped_frames = 0

    def counters(self, open_turns: int) -> Counters:
        """Return the counts of now."""
        return Counters(
            connects=self.connects,
            reconnects=self.reconnects,
            frames_in=self.frames_in,
            frames_out=self.frames_out,
            dropped_frames=self.dropped_frames,
            open_turns=open_turns,
            resumed_turns=self.resumed_turns,
        )
