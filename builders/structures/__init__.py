"""Crystals in memory: the table of them, what is cleaned out of it, and their formulas."""
