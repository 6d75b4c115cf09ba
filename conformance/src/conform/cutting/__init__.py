"""The axis ``cut``: each case once more, with its link cut at every frame in turn."""

from conform.cutting.axis import Axis, axis_of
from conform.cutting.cutter import Point

__all__ = ["Axis", "Point", "axis_of"]
