"""Documents as people elsewhere write them, one line each, and what becomes of them."""
