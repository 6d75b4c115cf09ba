"""How long the next answer of a model may be, by what was spent and what it costs. Pure."""

from __future__ import annotations

import math

from ...accounts import Spent
from ...agents.spec import Budget
from .prices import Price

LEAST_ANSWER = 16
"""Tokens; a call that may not write as many is not made."""


ROUNDING = 1e-6
"""Tokens; what adding up fractions of cents may be off by."""


class SpentError(Exception):
    """The budget does not allow another call; the text says which part of it, for a client."""


def most_tokens(
    budget: Budget,
    *,
    longest: int,
    coming: int,
    turn: Spent,
    session: Spent,
    price: Price | None,
) -> int:
    """Return how many tokens the next answer may have.

    ``longest`` is the most that is asked for at all, ``coming`` what the model is about to read,
    ``session`` what all turns have spent, this one included.

    Raises:
        SpentError: not enough is left for a call.
    """
    most = longest
    for limit, spent, what in (
        (budget.tokens, turn.tokens, "tokens for a turn"),
        (budget.session_tokens, session.tokens, "tokens for a session"),
    ):
        if limit is not None:
            most = _enough(min(most, limit - spent - coming), longest, what)
    for ceiling, cost, what in (
        (budget.cost_usd, turn.cost_usd, "costs for a turn"),
        (budget.session_cost_usd, session.cost_usd, "costs for a session"),
    ):
        if ceiling is None:
            continue
        if price is None:
            raise SpentError(
                f"the price of the model is not known, and there is a budget of {what}"
            )
        left = ceiling - cost - price.of(coming, 0)
        affordable = longest if price.written == 0 else math.floor(left / price.written + ROUNDING)
        most = _enough(min(most, affordable if left >= 0 else 0), longest, what)
    return most


def _enough(tokens: int, longest: int, what: str) -> int:
    if tokens < min(LEAST_ANSWER, longest):
        raise SpentError(f"the budget of {what} does not allow another call")
    return tokens
