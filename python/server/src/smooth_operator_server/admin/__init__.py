"""The admin REST: what curators and admins do with a server, and what people see of themselves."""

from .api import admin_routes
from .routes import Admin

__all__ = ["Admin", "admin_routes"]
