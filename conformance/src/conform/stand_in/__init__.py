"""A small server of the protocol, in process, whose defects are switches.

It exists so that the checks of ``conform server`` can be checked: it holds all of them when nothing
is switched on, and each switch of ``mutants/servers.yaml`` is caught by the check named there. It
keeps everything in memory, plays scripts alone, and shares no code with the reference server.
"""

from conform.stand_in.link import StandIn

__all__ = ["StandIn"]
