"""What a server sees when it comes back: thousands of clients with the client's own waits.

All links are lost at one moment, the server is away for twenty seconds, and then takes whoever
comes. Printed are the most attempts that fall into one second, and when 99 of 100 clients are back,
each beside waits that double without chance. Nothing is measured: the clients' pure room of waits
runs on simulated time, so that one seed gives one table.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from smooth_operator._connection_backoff import Backoff
from smooth_operator.wire.options import BACKOFF_BASE, BACKOFF_MAX

AWAY_MS = 20_000
OUT = Path(__file__).parent / "out" / "outage.json"


@dataclass(frozen=True)
class Row:
    """One crowd of clients: ours beside those whose waits double without chance."""

    clients: int
    peak: int
    """Most attempts in one second, from the second in which the server is back."""
    peak_away: int
    """Most attempts in one second while it is away."""
    back_ms: int
    """When 99 of 100 clients have a link again, since the loss."""
    peak_ratio: float
    back_ratio: float


def ours(draws: random.Random) -> Callable[[], int]:
    """Return the waits of one client, one after the other."""
    backoff = Backoff(BACKOFF_BASE.default, BACKOFF_MAX.default)
    return lambda: backoff.delay(draws.random())


def doubling() -> Callable[[], int]:
    """Return waits that double up to the same bound, without chance."""
    waits = iter(range(1 << 30))
    return lambda: min(BACKOFF_MAX.default, BACKOFF_BASE.default * 2 ** min(next(waits), 31))


def crowd(clients: int, waits: Callable[[], Callable[[], int]]) -> tuple[int, int, int]:
    """Let all clients come back; return both peaks and when 99 of 100 are back."""
    attempts: Counter[int] = Counter()
    back = []
    for _ in range(clients):
        wait, now = waits(), 0
        while True:
            now += wait()
            attempts[now // 1000] += 1
            if now >= AWAY_MS:
                back.append(now)
                break
    back.sort()
    after = [count for second, count in attempts.items() if second >= AWAY_MS // 1000]
    away = [count for second, count in attempts.items() if second < AWAY_MS // 1000]
    return max(after), max(away), back[(clients * 99) // 100 - 1]


def row(clients: int, seed: int) -> Row:
    """Compare one crowd of each kind."""
    draws = random.Random(seed)
    peak, peak_away, back_ms = crowd(clients, lambda: ours(draws))
    plain_peak, _, plain_back = crowd(clients, doubling)
    ratios = round(peak / plain_peak, 3), round(back_ms / plain_back, 3)
    return Row(clients, peak, peak_away, back_ms, *ratios)


def main() -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0] if __doc__ else None,
        epilog="Example: bench/outage.py --clients 10000 100000 --seed 7",
    )
    parser.add_argument("--clients", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="the rows as JSON, for machines")
    asked = parser.parse_args()
    rows = [row(clients, asked.seed) for clients in asked.clients]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(each) for each in rows], indent=1) + "\n", encoding="utf-8")
    if asked.json:
        print(json.dumps([asdict(each) for each in rows]))
        return
    print("clients  peak/s  of doubling  peak/s while away  99 % back  of doubling")
    for each in rows:
        shares = f"{each.peak / each.clients:6.1%}  {each.peak_ratio:10.2f} x"
        away = f"{each.peak_away / each.clients:16.1%}"
        back = f"{each.back_ms / 1000:6.1f} s  {each.back_ratio:9.2f} x"
        print(f"{each.clients:7}  {shares}  {away}   {back}")


if __name__ == "__main__":
    main()
