"""The explorer: one or two element catalogs as a page to look at, in a single file that needs no network."""

from embeddings.explorer.content import count_steps
from embeddings.explorer.page import render_page, write_page

__all__ = ["count_steps", "render_page", "write_page"]
