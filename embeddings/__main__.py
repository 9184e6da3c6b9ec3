"""Run the command line with ``python -m embeddings``."""

from embeddings.cli import main

main(prog_name="embeddings")
