"""The generator of the starter set."""
