"""Random sessions: whatever happens in whatever order, all clients do what the oracle says.

A session is a list of acts of a user and a server, drawn from a seed. What the client has to send
in between comes from the oracle, so that every session is a case like those in the files, and one
that fails can be cut down to the few acts that matter and kept as such a file.
"""

from conform.fuzz.generator import generate
from conform.fuzz.session import Session, assemble
from conform.fuzz.shrink import shrink
from conform.fuzz.writer import as_yaml

__all__ = ["Session", "as_yaml", "assemble", "generate", "shrink"]
