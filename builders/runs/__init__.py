"""One build on disk: its identity, its lock, its checkpoint, and the place of what it makes."""
