"""Where documents come from: each loader yields them one by one, with what could not be read.

A loader is anything that has ``origin`` and iterates asynchronously over ``Loaded``.
"""

from .files import FileLoader
from .github import GitHubLoader, Repository
from .loader import Loaded, Loader, LoadError, Unreadable
from .texts import text_of
from .web import WebLoader

__all__ = [
    "FileLoader",
    "GitHubLoader",
    "LoadError",
    "Loaded",
    "Loader",
    "Repository",
    "Unreadable",
    "WebLoader",
    "text_of",
]
