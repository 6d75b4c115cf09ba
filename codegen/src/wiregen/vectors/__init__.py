"""Test vectors: frames with the verdict of the schema, replayed by every language."""

from wiregen.vectors.coverage import Coverage, coverage
from wiregen.vectors.files import vector_files

__all__ = ["Coverage", "coverage", "vector_files"]
