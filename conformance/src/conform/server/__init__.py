"""``conform server URL``: black-box checks of any server. Needs no set-up on its side.

The harness is the client here. Every frame that comes is checked by the schema; each check is a
sentence of ``spec/behaviour.md`` (areas SRV, OTP, FORM, STOP) that can be seen from outside, and is
asked only of a server whose version has that sentence.
"""

from conform.server.judge import Finding, NotReachableError, Report, judge_server
from conform.server.peer import Setup

__all__ = ["Finding", "NotReachableError", "Report", "Setup", "judge_server"]
