"""A case told to the oracle: its steps in, what must be observed and sent out."""

from conform.story.world import Expectation, World, after, expect

__all__ = ["Expectation", "World", "after", "expect"]
