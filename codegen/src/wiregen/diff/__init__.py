"""What a change of the specification breaks, for whom, and what version it asks for."""
