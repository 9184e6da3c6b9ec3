"""Tables that others made become catalogs: with a version, a hash, a license, a citation and what is odd about them.

- :func:`read_table` reads a file of any known format, :func:`packaged_table` a table of an installed package.
- :func:`examine` finds the rows that hold nothing: zeros, means, one row for several elements, numbers from before
  training.
- :func:`write_import` writes what is left as a catalog, which says what was left out.
"""

from embeddings.adopt.files import FORMATS, read_table
from embeddings.adopt.findings import Finding, find_odd_rows
from embeddings.adopt.job import About, Imported, examine, write_import
from embeddings.adopt.packages import PACKAGES, list_tables, packaged_table
from embeddings.adopt.raw import RawTable
from embeddings.adopt.terms import read_citation, read_licence

__all__ = [
    "FORMATS",
    "PACKAGES",
    "About",
    "Finding",
    "Imported",
    "RawTable",
    "examine",
    "find_odd_rows",
    "list_tables",
    "packaged_table",
    "read_citation",
    "read_licence",
    "read_table",
    "write_import",
]
