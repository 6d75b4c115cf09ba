"""The axis ``cut``: each case once more, with its link cut at every frame in turn."""

from conform.cutting.axis import Axis, Point, axis_of

__all__ = ["Axis", "Point", "axis_of"]
