"""The admin REST of a Smooth Operator server.

``rest`` is printed from the server's OpenAPI document: a module for each endpoint, a class for each
schema. This module is written by hand: one client for all of them, one error for every refusal.
"""

from .client import AdminClient, AdminError

__all__ = ["AdminClient", "AdminError"]
