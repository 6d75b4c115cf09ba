"""Documents in the manner of public ones, and what becomes of each."""
