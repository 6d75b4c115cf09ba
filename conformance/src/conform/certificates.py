"""A throw-away certificate authority for loopback, one a process (REQ-CONN-13)."""

from __future__ import annotations

import atexit
import shutil
import ssl
import tempfile
from functools import cache
from pathlib import Path

import trustme


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="conform-tls-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def ca_file() -> str:
    """Path of the authority's certificate, as PEM."""
    path = _folder() / "ca.pem"
    _authority().cert_pem.write_to_path(str(path))
    return str(path)


@cache
def server_context() -> ssl.SSLContext:
    """Context of a server on 127.0.0.1 whose certificate only that authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context
