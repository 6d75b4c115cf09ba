"""As whom an agent speaks. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Persona:
    """What of an agent stays as it is, whatever is asked; empty members say nothing."""

    role: str = ""
    tone: str = ""
    language: str = ""
    """Empty = that of the person."""

    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def told(self, name: str) -> str:
        """Return what the model is told of it; ``name`` is how people see the agent."""
        parts = [f"You are {name}, {self.role}." if self.role else f"You are {name}."]
        if self.tone:
            parts.append(f"How you sound: {self.tone}.")
        if self.language:
            parts.append(f"Answer in {self.language}, whatever language the person writes.")
        parts.extend(f"Always: {rule}" for rule in self.always)
        parts.extend(f"Never: {rule}" for rule in self.never)
        return "\n".join(parts)
