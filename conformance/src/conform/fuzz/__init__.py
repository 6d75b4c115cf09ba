"""Random sessions: whatever happens in whatever order, all clients do what the oracle says.

A session is a list of acts of a user and a server, drawn from a seed. What the client has to send
in between comes from the oracle, so that every session is a case like those in the files, and one
that fails can be cut down to the few acts that matter and kept as such a file.
"""

from conform.fuzz.cuts import CutGenerator
from conform.fuzz.generator import Generator
from conform.fuzz.session import Session, assemble
from conform.fuzz.shrink import shrink
from conform.fuzz.writer import as_yaml
from conform.reader import Reader
from conform.spec import Spec

__all__ = ["Session", "as_yaml", "assemble", "generate", "shrink"]


def generate(spec: Spec, reader: Reader, seed: int, length: int, *, cuts: bool = False) -> Session:
    """Return the session of a seed, with at most ``length`` acts; with ``cuts`` its links are cut.

    A random session that is cut ends when no other link is sought.
    """
    draws = CutGenerator if cuts else Generator
    return draws(spec, reader, seed).run(length)
