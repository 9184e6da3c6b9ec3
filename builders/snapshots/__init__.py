"""What a source gave, frozen on disk: pulled, checked, refreshed and read."""
