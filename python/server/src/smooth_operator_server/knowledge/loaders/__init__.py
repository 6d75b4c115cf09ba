"""Where documents come from: each loader yields them one by one, with what could not be read.

A loader is anything that has ``origin`` and iterates asynchronously over ``Loaded``.
"""

from .files import FileLoader
from .loader import Loaded, Loader, LoadError, Unreadable
from .texts import text_of
from .web import WebLoader

__all__ = ["FileLoader", "LoadError", "Loaded", "Loader", "Unreadable", "WebLoader", "text_of"]
