"""Test vectors, written like a language: the files of `spec/vectors/`."""

from __future__ import annotations

from wiregen.config import Target
from wiregen.contract.vectors import machine_vectors
from wiregen.ir import Spec
from wiregen.vectors import vector_files


def emit(spec: Spec, _target: Target) -> dict[str, str]:
    """Return the vector files and the page that explains them."""
    return {**vector_files(spec), **machine_vectors(spec.contract)}
