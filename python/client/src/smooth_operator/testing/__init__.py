"""What tests of an application need: a clock that only moves when told to."""

from .virtual_clock import VirtualClock

__all__ = ["VirtualClock"]

VirtualClock.__module__ = __name__
