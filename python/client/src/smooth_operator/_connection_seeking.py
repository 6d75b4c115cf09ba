"""The seeking of a link: whether another attempt comes, when, and why its token is asked for."""

from __future__ import annotations

from collections.abc import Callable

from ._clock import Timer
from ._connection_backoff import Backoff
from ._connection_failure import Outlook
from ._options import Options, TokenReason, TokenRequest, milliseconds
from .wire.steps import Facts


class Seeking:
    """Count, wait and token of one client's attempts (REQ-CONN-30 to REQ-CONN-36).

    ``over`` is called when the wait before an attempt is over.
    """

    def __init__(self, options: Options, over: Callable[[], None]) -> None:
        self._options = options
        self._over = over
        self._backoff = Backoff(
            milliseconds(options.backoff_base), milliseconds(options.backoff_max)
        )
        self._wait: Timer | None = None
        self._due = False
        self._reason: TokenReason = "connect"
        self._renewed = False
        self.error: Exception | None = None
        """What the last attempt failed with."""

    @property
    def number(self) -> int:
        """Number of the attempt to come, from 1."""
        return self._backoff.attempts + 1

    def facts(self, outlook: Outlook) -> Facts:
        """Return what the machine of the link may look at."""
        options = self._options
        most = options.max_reconnect_attempts
        return Facts(
            auto_reconnect=options.seeks,
            retry_initial=options.retry_initial_connect and most != 0,
            retry=outlook.retry,
            token_renewable=callable(options.token) and not self._renewed,
            attempts_remaining=self._backoff.remaining(most),
        )

    def begin(self) -> None:
        """Let the first attempt of ``connect()`` follow this step."""
        self.begin_anew()
        self.error = None
        self._reason, self._due = "connect", True

    def begin_anew(self) -> None:
        """Count attempts and waits from now on (REQ-CONN-32)."""
        self._backoff.reset()
        self._renewed = False

    def schedule(self, outlook: Outlook) -> float:
        """Wait for the next attempt; return the seconds (REQ-CONN-31, REQ-CONN-33)."""
        options, backoff_from, hint = self._options, outlook.backoff_from, outlook.hint
        wait = self._backoff.delay(options.draw(), backoff_from=backoff_from, hint=hint) / 1000
        self._wait = options.clock.call_later(wait, self._over)
        return wait

    def renew(self) -> None:
        """Ask the provider for another token next (REQ-CONN-34)."""
        self._renewed, self._reason = True, "rejected"

    def attempt(self) -> None:
        """Let one more attempt follow this step."""
        if not self._due:
            self._end_wait()
            self._backoff.attempts += 1
            self._due = True

    def take(self) -> TokenRequest | None:
        """Return what the token of the attempt that follows is asked for with, if one does."""
        if not self._due:
            return None
        self._due = False
        request, self._reason = TokenRequest(self._reason), "reconnect"
        return request

    def stop(self) -> None:
        """Let no attempt follow, now or later."""
        self._due = False
        self._end_wait()

    def _end_wait(self) -> None:
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.cancel()
