"""Claims that fail: the one change that makes them hold."""
