"""What the project promises, measured: ``python -m benchmarks [speed|downstream|cross-modal] [NAME ...] [--quick]``."""
