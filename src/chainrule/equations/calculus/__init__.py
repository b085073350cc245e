"""Differentiation over the names of a sheet: lowered, reverse and forward, first and second order."""
