"""Composition encoders: what structures taught, for formulas alone."""
