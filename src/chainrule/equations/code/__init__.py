"""Derivatives as the machine computes them: compiled functions and objectives."""
