"""The best honest model for a table of measurements, and which vectors help it."""
