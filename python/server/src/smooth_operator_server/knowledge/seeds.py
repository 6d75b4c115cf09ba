"""The demonstration documents: the house rules of a shop that does not exist."""

from __future__ import annotations

from importlib import resources


def seed_documents() -> dict[str, str]:
    """Return the demonstration documents by their source name."""
    folder = resources.files(__package__) / "seed"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".md")), key=str)
    return {file.name: file.read_text(encoding="utf-8") for file in files}
