"""The protocol as a static site: every message, the errors, the state tables, the rules."""
