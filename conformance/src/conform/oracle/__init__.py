"""The oracle: what the specification says a turn and a call must show and send.

Pure: it opens nothing, reads no clock and knows no testee; what it needs of its surroundings is
``host.Host``. Its moves come from the tables of ``spec/`` by way of the one interpreter; what the
tables cannot say is cited by REQ id where it is coded.
"""

from conform.oracle.calls import Call, VerbCall
from conform.oracle.turns import Turn

__all__ = ["Call", "Turn", "VerbCall"]
