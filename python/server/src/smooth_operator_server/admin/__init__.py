"""The admin REST: what curators and admins do with a server, and what people see of themselves."""

from .agents import AgentAdmin
from .api import admin_routes
from .documents import DocumentAdmin
from .people import PeopleAdmin
from .routes import Admin

__all__ = ["Admin", "AgentAdmin", "DocumentAdmin", "PeopleAdmin", "admin_routes"]
