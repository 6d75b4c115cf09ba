"""Cassettes: a session of a real server, kept in a file, played again, made a case of.

The form of the file is that of the clients' testing kits (TESTING-KIT.md, section 5).
"""

from conform.cassette.draft import draft
from conform.cassette.file import Cassette, Line, read, write
from conform.cassette.masks import Masks
from conform.cassette.recorder import Recorder
from conform.cassette.replayer import Replayer

__all__ = ["Cassette", "Line", "Masks", "Recorder", "Replayer", "draft", "read", "write"]
