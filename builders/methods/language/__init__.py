"""A language of compositions: a small transformer that reads a formula as a set of elements with amounts."""
