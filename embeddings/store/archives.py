"""What a ZIP raises that is damaged, cut, or of a kind that nobody writes."""

from __future__ import annotations

import zipfile
import zlib

ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
"""Errors of opening an archive and of reading its parts; those of its methods and names are among the last two."""
