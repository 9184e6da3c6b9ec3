"""The documentation site: pages that are generated, and the check that none fetches anything from another host."""
