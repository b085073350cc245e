"""The language of equations, and the calculus on it."""
