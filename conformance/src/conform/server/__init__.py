"""``conform server URL``: checks of any server from outside, at three levels.

The harness is the client here. Every frame that comes is checked by the schema, every turn by the
machines; each check is a sentence of ``spec/behaviour.md`` that can be seen from outside, and is
asked only of a server whose version has that sentence.
"""

from conform.server.hook import Hook
from conform.server.judge import Finding, NotReachableError, Report, Rule, judge_server
from conform.server.peer import Setup

__all__ = ["Finding", "Hook", "NotReachableError", "Report", "Rule", "Setup", "judge_server"]
