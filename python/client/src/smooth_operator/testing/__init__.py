"""What tests of an application need: a whole server in their process, and a clock that they move.

:class:`FakeServer` is a server of this protocol, in memory or on loopback, whose agent does what a
test says; :func:`record` keeps a session of a real one for :meth:`FakeServer.replay_of`.
"""

from .cassette import RecordingClient, record
from .fake_server import AGENT_ID, FakeServer
from .reply import Reply
from .script_errors import CassetteError, ScriptError
from .state import StoredConversation, StoredMessage
from .virtual_clock import VirtualClock

__all__ = [
    "AGENT_ID",
    "CassetteError",
    "FakeServer",
    "RecordingClient",
    "Reply",
    "ScriptError",
    "StoredConversation",
    "StoredMessage",
    "VirtualClock",
    "record",
]

for _name in __all__:
    _one = globals()[_name]
    if not isinstance(_one, str):
        _one.__module__ = __name__  # reprs and tracebacks name what applications import
