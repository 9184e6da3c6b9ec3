"""What tests and benchmarks share: crystals, toy catalogs, servers. Not shipped."""
