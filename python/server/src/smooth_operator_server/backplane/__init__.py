"""What several servers on one database tell each other, and the events that all can read."""

from .buckets import Buckets
from .port import Backplane, BackplaneError, Batch, Kept, Notice
from .post import Post

__all__ = ["Backplane", "BackplaneError", "Batch", "Buckets", "Kept", "Notice", "Post"]
