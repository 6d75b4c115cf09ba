"""The settings as the Markdown table of the README."""

from __future__ import annotations

from typing import Any

from .settings import Settings, variable_of

FLAGS = {
    "bind": "--host",
    "port": "--port",
    "db": "--db",
    "demo": "--demo",
    "playground": "--playground",
    "script": "--script",
    "agents": "--agents",
    "insecure": "--insecure",
    "log_level": "--log-level",
}
"""Settings that ``serve`` takes as flags too."""


def settings_table() -> str:
    """Return one row a setting, in the order of the class."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join(["| flag | variable | default | |", "|---|---|---|---|", *rows]) + "\n"


def _row(name: str, field: Any) -> str:
    flag = f"`{FLAGS[name]}`" if name in FLAGS else ""
    text = " ".join(field.description.split()).replace("|", "\\|")
    return f"| {flag} | `{variable_of(name)}` | {_shown(field.default)} | {text} |"


def _shown(default: Any) -> str:
    match default:
        case None | ():
            return "none"
        case bool():
            return "on" if default else "off"
        case tuple():
            return f"`{','.join(map(str, default))}`"
        case int() | float():
            return f"{default:g}" if isinstance(default, float) else str(default)
        case _:
            return f"`{default}`"
