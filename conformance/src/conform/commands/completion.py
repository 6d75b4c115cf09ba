"""The verb ``completion``: words of the command line for a shell."""

from __future__ import annotations

import argparse
from typing import Any

SCRIPTS = {
    "bash": """\
_conform() {
    local word=${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "VERBS" -- "$word"))
    elif [[ $word != -* ]]; then
        COMPREPLY=($(compgen -W "$(conform list --names 2>/dev/null)" -- "$word"))
    fi
}
complete -o default -F _conform conform
""",
    "zsh": "autoload -Uz bashcompinit && bashcompinit\n",
    "fish": """\
complete -c conform -n __fish_use_subcommand -a "VERBS"
complete -c conform -n "not __fish_use_subcommand" -a "(conform list --names 2>/dev/null)"
""",
}
SCRIPTS["zsh"] += SCRIPTS["bash"]


def add_parsers(verbs: Any) -> None:
    """Add the verb of this module."""
    completion = verbs.add_parser(
        "completion",
        help="print the completion of a shell",
        epilog="Example: conform completion bash >> ~/.bashrc. Exit: 0 printed, 2 malformed flags.",
    )
    completion.add_argument("shell", choices=sorted(SCRIPTS))
    completion.set_defaults(command=completion_command)


def completion_command(args: argparse.Namespace) -> int:
    """``conform completion``."""
    from conform.cli import VERBS

    print(SCRIPTS[args.shell].replace("VERBS", " ".join(VERBS)), end="")
    return 0
