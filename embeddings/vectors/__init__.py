"""Vectors of structures, sites and elements in one file: written, sealed, read and looked up."""
