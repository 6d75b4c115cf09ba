"""What models cost: a table of the operator's own, and behind it the one of a public library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import jsonschema_rs
from genai_prices import Usage, calc_price

from ...files import checks_of, read_checked

MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one token."""

    read: float
    written: float

    def of(self, read: int, written: int) -> float:
        """Return the price of a call."""
        return read * self.read + written * self.written


class Prices:
    """Prices by the name of the model."""

    def __init__(self, own: Mapping[str, Price] | None = None) -> None:
        self.own = dict(own or {})

    def of(self, model: str) -> Price | None:
        """Return what a model costs; None when nobody knows."""
        return self.own.get(model) or _published(model)


@cache
def _published(model: str) -> Price | None:
    """Return the list price, without what caches and long texts change of it."""
    try:
        known = calc_price(Usage(input_tokens=MANY, output_tokens=MANY), model_ref=model)
    except LookupError:
        return None
    return Price(float(known.input_price) / MANY, float(known.output_price) / MANY)


def read_prices(path: Path) -> Prices:
    """Return the prices of a YAML or JSON file.

    Raises:
        FileFaultError: the file cannot be read, or does not fit its schema.
    """
    value = read_checked(path, "prices", _checks())
    return Prices(
        {
            model: Price(price["inputCostPerToken"], price["outputCostPerToken"])
            for model, price in value.items()
        }
    )


@cache
def _checks() -> jsonschema_rs.Draft202012Validator:
    return checks_of(resources.files(__package__) / "prices.schema.json")
