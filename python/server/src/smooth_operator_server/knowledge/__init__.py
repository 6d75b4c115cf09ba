"""What the agent may look up: documents cut into passages, searched, cited."""

from .document import DEFAULT_SET, Document
from .embedders import Embedder, EmbeddingError
from .knowledge import Change, Hit, Knowledge, citations
from .seeds import seed_documents

__all__ = [
    "DEFAULT_SET",
    "Change",
    "Document",
    "Embedder",
    "EmbeddingError",
    "Hit",
    "Knowledge",
    "citations",
    "seed_documents",
]
