"""The reference testee: an independent minimal client, and the mutants that are built from it.

It shares no code with the SDKs and none with the oracle's machines: its rules are written out by
hand from ``spec/behaviour.md``. Only the reading of a frame's body is shared (``conform.reader``).
"""
