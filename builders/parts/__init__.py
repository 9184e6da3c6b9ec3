"""Outputs that are made in parts: of each piece of the structures, workers make a part, and a ledger keeps it."""
