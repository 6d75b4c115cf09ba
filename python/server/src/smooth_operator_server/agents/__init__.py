"""The agents of a server: who answers under which id, and what each may do."""

from .files import AgentFileError, read_agents
from .making import AgentMaker
from .registry import AgentRegistry
from .spec import AgentSpec, Budget

__all__ = ["AgentFileError", "AgentMaker", "AgentRegistry", "AgentSpec", "Budget", "read_agents"]
