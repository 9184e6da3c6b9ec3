"""Catalogs on disk: manifest, files, folders, roots."""
