"""What the agent may look up: documents cut into passages, searched, cited."""

from .knowledge import Hit, Knowledge, citations
from .seeds import seed_documents

__all__ = ["Hit", "Knowledge", "citations", "seed_documents"]
