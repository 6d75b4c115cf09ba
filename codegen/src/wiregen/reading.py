"""How a document of others is to be read: what it does not say itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Side = Literal["server", "client"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the command line or wiregen.toml says of a document.

    Parameters
    ----------
    discriminator
        Member that names a message, where no x-discriminator says it: `type`, or
        `receive=action,send=type` when the server receives and sends by two members.
    side
        Whom the document describes: a client's `send` is what clients write.
    root
        Folder around the specification and all files that it refers to.
    """

    discriminator: str = ""
    side: Side = "server"
    root: Path | None = None

    def tags(self) -> tuple[str, str] | None:
        """Return the members of actions and of events; None when nothing is said clearly."""
        if "=" not in self.discriminator:
            return (self.discriminator, self.discriminator) if self.discriminator else None
        parts = [part.strip() for part in self.discriminator.split(",")]
        pairs = dict(part.split("=", 1) for part in parts if "=" in part)
        if pairs.keys() != {"receive", "send"} or not all(pairs.values()):
            return None
        return pairs["receive"], pairs["send"]


AS_WRITTEN = Reading()
