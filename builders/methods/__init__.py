"""Methods: each a folder that turns crystals into vectors."""
