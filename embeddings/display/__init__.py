"""What is shown to people: text made safe, tables for notebooks, and pages that work from disk."""
