"""Servers that share a Redis. Needs the extra ``redis``.

The events of a turn are a stream whose ids are their numbers, so that what is appended twice is
kept once. Notices are published: to a channel of each server, and to one of all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ..clock import Clock, happens_within
from ..telemetry import log, where
from .buckets import FULL_MS, step_ms
from .port import BackplaneError, Batch, Kept, Notice

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S = 5.0
ANSWER_S = 5.0
"""Seconds after which a command that hangs fails instead."""

START_S = 30.0
"""Seconds in which the first connection has to listen."""

AGAIN_S = 1.0
"""Seconds after a lost connection until another is tried."""

SILENCE_S = 20.0
"""Seconds without a notice after which the connection is tried."""

FORGOTTEN_S = 24 * 3600
"""Seconds without an event after which those of a turn go that nobody ended."""

PREFIX = "smooth-operator"

# One event: its number is its id. An id that is not above the newest one is there already.
_APPEND = """
local key, count, oldest, ttl = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
local last = newest[1] and tonumber(string.match(newest[1][1], '^%d+')) or 0
local first = tonumber(ARGV[4])
for index = 1, count do
  local number = first + index - 1
  if number > last then
    redis.call('XADD', key, number .. '-0', 'event', ARGV[4 + index])
  end
end
redis.call('XTRIM', key, 'MINID', oldest)
redis.call('EXPIRE', key, ttl)
if ARGV[5 + count] == '1' then
  redis.call('SET', KEYS[2], '1', 'EX', ttl)
end
"""

# When the bucket of a caller is full again, by the clock of the Redis. A full one is not kept.
_RATE = """
local key, step, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full = math.max(now, tonumber(redis.call('GET', key) or '0')) + step
if full - now > most then
  return full - now - most
end
redis.call('SET', key, string.format('%d', full), 'PX', full - now)
return 0
"""


class RedisBackplane:
    """Use ``open``; the constructor takes a client that answers."""

    is_shared = True

    def __init__(self, redis: Redis, clock: Clock, kept_s: float) -> None:
        self.node = str(uuid4())
        self._redis = redis
        self._clock = clock
        self._kept_s = max(1, round(kept_s))
        self._append = redis.register_script(_APPEND)
        self._rate = redis.register_script(_RATE)
        self._receiving: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str, clock: Clock, kept_s: float) -> RedisBackplane:
        """Connect; the text of a fault names no password.

        Raises:
            BackplaneError: nobody answers, the login is refused, or the extra ``redis`` is not
                installed.
        """
        try:
            from redis.asyncio import Redis
            from redis.exceptions import RedisError
        except ImportError:
            told = "Redis needs a package: pip install 'smooth-operator-server[redis]'"
            raise BackplaneError(told) from None
        redis: Redis | None = None
        try:
            redis = Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=CONNECT_S,
                socket_timeout=ANSWER_S,
            )
            await redis.ping()
        except (OSError, ValueError, RedisError) as fault:
            if redis is not None:
                await redis.aclose()
            raise BackplaneError(f"cannot use {_shown(url)}: {type(fault).__name__}") from None
        return cls(redis, clock, kept_s)

    async def start(self, receive: Callable[[Notice], None]) -> None:
        ready = asyncio.Event()
        self._receiving = asyncio.create_task(self._receive(receive, ready), name="backplane")
        if not await happens_within(self._clock, ready.wait(), START_S):
            raise BackplaneError("Redis took no listener in time")

    async def tell(self, node: str | None, notice: Notice) -> bool:
        text = json.dumps(notice)
        with _faults():
            return bool(await self._redis.publish(_channel(node), text))

    async def append(self, batches: Sequence[Batch]) -> None:
        with _faults():
            async with self._redis.pipeline(transaction=False) as pipe:
                for batch in batches:
                    ttl = self._kept_s if batch.ended else FORGOTTEN_S
                    head = (len(batch.texts), f"{batch.oldest}-0", ttl, batch.first)
                    keys = (_stream(batch.turn_id), _end(batch.turn_id))
                    arguments: list[str | int] = [*head, *batch.texts, int(batch.ended)]
                    await self._append(keys=keys, args=arguments, client=pipe)
                await pipe.execute()

    async def kept(self, turn_id: str) -> Kept | None:
        key = _stream(turn_id)
        with _faults():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xrange(key, count=1)
                pipe.xrevrange(key, count=1)
                pipe.exists(_end(turn_id))
                first, last, ended = await pipe.execute()
        if not first:
            return None
        return Kept(_number(first[0][0]), _number(last[0][0]), bool(ended))

    async def read(self, turn_id: str, after: int, most: int) -> list[tuple[int, str]]:
        with _faults():
            found: Any = await self._redis.xrange(_stream(turn_id), f"{after + 1}-0", count=most)
        return [(_number(entry), members["event"]) for entry, members in found]

    async def forget(self, turn_id: str) -> None:
        with _faults():
            await self._redis.delete(_stream(turn_id), _end(turn_id))

    async def wait_s(self, caller: str, per_minute: int) -> float:
        with _faults():
            key, step = _rate_of(caller), step_ms(per_minute)
            return int(await self._rate(keys=[key], args=[step, FULL_MS])) / 1000

    async def aclose(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        await self._redis.aclose()

    async def _receive(self, receive: Callable[[Notice], None], ready: asyncio.Event) -> None:
        """Listen, over one connection after another; what is told in between is lost."""
        while True:
            pubsub = self._redis.pubsub()
            try:
                await pubsub.subscribe(_channel(self.node), _channel(None))
                while True:
                    # Not listen(): it would take the silence of the others for a lost connection.
                    message = await pubsub.get_message(timeout=SILENCE_S)
                    if message is None:
                        await pubsub.ping()
                    elif message["type"] == "message":
                        receive(json.loads(message["data"]))
                    elif message["type"] == "subscribe":
                        ready.set()
            except Exception as fault:
                log.error("backplane lost", **where(fault))
            finally:
                with contextlib.suppress(Exception):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await self._clock.sleep(AGAIN_S)


@contextlib.contextmanager
def _faults() -> Any:
    from redis.exceptions import RedisError

    try:
        yield
    except (OSError, TimeoutError, RedisError) as fault:
        raise BackplaneError(type(fault).__name__) from fault


def _channel(node: str | None) -> str:
    return f"{PREFIX}:server:{node or 'all'}"


def _stream(turn_id: str) -> str:
    return f"{PREFIX}:turn:{{{turn_id}}}"


def _end(turn_id: str) -> str:
    return f"{PREFIX}:turn:{{{turn_id}}}:ended"


def _rate_of(caller: str) -> str:
    """Return the key of a caller's bucket; a digest, for a Redis shows its keys to everybody."""
    return f"{PREFIX}:rate:{hashlib.sha256(caller.encode()).hexdigest()}"


def _number(entry: str) -> int:
    return int(entry.partition("-")[0])


def _shown(url: str) -> str:
    """Return where a URL leads to, without who logs in."""
    parts = urlsplit(url)
    return f"Redis at {parts.hostname or 'localhost'}"
