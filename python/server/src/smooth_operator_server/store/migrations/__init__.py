"""Numbered SQL files; each is applied once, in order, in its own transaction."""
