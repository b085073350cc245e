"""Derivatives as a reader sees them: matrix form, every notation, steps, layers, factors."""
