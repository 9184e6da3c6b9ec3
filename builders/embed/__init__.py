"""Vectors for structures, sites and elements from a catalog's encoder, written to a file."""
