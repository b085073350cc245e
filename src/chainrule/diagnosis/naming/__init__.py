"""Naming the mistake in a wrong gradient: one tape of the loss, every mutant of its way back."""
