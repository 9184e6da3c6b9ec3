"""Registries: catalogs in a folder, on a web server, in a bucket or on the Hub, fetched once and published whole.

A registry is anything with an ``index.json``. What is fetched goes to a mirror in the user's cache, one for each
registry, and is verified before it appears. Nothing here is imported until an address is asked for.
"""
