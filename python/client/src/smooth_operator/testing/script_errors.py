"""What a test is told when what it wrote cannot be played."""

from __future__ import annotations


class ScriptError(ValueError):
    """A reply, or the document of a script, contradicts the protocol; refused where it is written.

    The text names the verb or the place in the document, and what is allowed there.
    """


class CassetteError(ValueError):
    """A file is no cassette that this kit reads; the text names file and line."""
