"""The conformance harness: scripted sessions, five clients, one verdict."""

__version__ = "0.1.0"
