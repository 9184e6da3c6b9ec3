"""Catalogs on disk, from a name to verified bytes and back.

Finding: `roots` (which folder a name means), `index` (names, versions and defaults under one root), `cache` (what the
user's cache holds).

Describing: `manifest` (what a version is), `schema` (annotations that validate it), `card` (the same for people),
`companions` (the same for the tools of others, with `citation`, `bibtex` and `croissant`), `licences` (which one a
result may have).

Reading: `reading` (regular files, never more bytes than agreed), `integrity` (sizes and hashes), `decode` and `tensors`
(bytes to arrays), `tables` and `encoder_files` (one version of each kind, both ways), `audit` (all files against each
other).

Writing: `outputs` (may this be written?), `folders` (files and folders that appear whole), `temporaries` and `exchange`
(what that rests on), `publish` (one version, then the index), `epoch` (the time that makes bytes repeat).
"""
