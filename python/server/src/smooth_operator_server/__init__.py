"""The reference server of the smooth-operator protocol.

Start with ``cli`` (the command), then ``app`` (what it is wired of), then ``gateway`` (one
socket) and ``turns`` (one message and its answer).
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("smooth-operator-server")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+source"

__all__ = ["__version__"]
