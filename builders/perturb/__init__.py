"""Copies of crystals, strained, scaled and shaken, with what a potential of others says of each.

`moves` makes a copy, `answers` asks the potential, `parts` does both for some crystals, and `job` makes a file of it,
in the structure schema: a source like any other.
"""
