"""The oracle: what the specification says a client must show and send for given steps.

A pure function: it opens nothing, reads no clock and knows no testee. Its moves come from
``spec/machine.yaml``; what the tables cannot say is cited by REQ id where it is coded.
"""

from conform.oracle.world import Expectation, expect

__all__ = ["Expectation", "expect"]
