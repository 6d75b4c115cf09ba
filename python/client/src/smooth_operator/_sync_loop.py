"""An event loop in a thread of its own, for callers that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
_ANSWER = "smooth-operator handler"
_LEAVE = 5.0  # seconds that an interrupted call has to say so to the server


class LoopThread:
    """Runs work on a loop of its own; the thread begins with the first piece of it.

    Interrupting a wait (Ctrl-C) cancels the work, which tells the server to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Call ``work`` on the loop and wait for what it gives.

        Raises:
            RuntimeError: this is the loop's own thread, which would wait for itself.
        """
        loop = self._started()
        if threading.current_thread() is self._thread:
            raise RuntimeError("a call of the blocking client inside one of its own callbacks")
        left = threading.Event()

        async def task() -> T:
            try:
                return await work()
            finally:
                left.set()

        waited = asyncio.run_coroutine_threadsafe(task(), loop)
        try:
            return waited.result()
        except KeyboardInterrupt:
            waited.cancel()
            left.wait(_LEAVE)
            raise

    def do(self, work: Callable[[], T]) -> T:
        """Call a function on the loop, and return what it gives."""

        async def task() -> T:
            return work()

        return self.run(task)

    @property
    def running(self) -> bool:
        """Whether there is a thread."""
        return self._loop is not None

    def stop(self) -> None:
        """End loop and thread; the next piece of work begins others."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: a program that forgets to close its client ends all the same.
                self._thread = threading.Thread(
                    target=_drive, args=(self._loop,), name="smooth-operator", daemon=True
                )
                self._thread.start()
            return self._loop


def _drive(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def in_thread(function: Callable[[Any], Any], asked: Any) -> Any:
    """Call a function that may block in a thread, and return what it gives.

    The thread is a daemon: who waits for a person's answer must not hold up the program's end.
    """
    loop = asyncio.get_running_loop()
    given: asyncio.Future[Any] = loop.create_future()

    def tell(value: Any, error: BaseException | None) -> None:
        if given.done():
            return
        if error is None:
            given.set_result(value)
        else:
            given.set_exception(error)

    def call() -> None:
        value: Any = None
        error: BaseException | None = None
        try:
            value = function(asked)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop may have ended meanwhile
            loop.call_soon_threadsafe(tell, value, error)

    threading.Thread(target=call, name=_ANSWER, daemon=True).start()
    return await given
