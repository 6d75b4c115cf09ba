"""What a specification says beside its frames: machines, verbs, options, codes, texts."""

from wiregen.contract.model import Contract
from wiregen.contract.read import read_contract

__all__ = ["Contract", "read_contract"]
