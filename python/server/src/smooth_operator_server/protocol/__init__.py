"""The protocol as the server speaks it: actions checked, events built, refusals typed.

Nothing in here opens a socket, reads a clock or knows an agent.
"""
