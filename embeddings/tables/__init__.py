"""Tables of any kind, as people have them: the bench, the ranking and the features read the same files.

- :mod:`embeddings.tables.files` opens CSV, TSV and JSON Lines, plain or as .gz, Excel, Parquet and standard input.
- :mod:`embeddings.tables.delimited` finds the encoding and the separator of a text.
- :mod:`embeddings.tables.sheet` is what all of them become: names of columns, and rows with their lines.
- :mod:`embeddings.tables.columns` finds the column that was named, and that of formulas where none was.
"""
