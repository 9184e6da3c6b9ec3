"""What makes catalogs: sources, graphs, models, training and extraction."""
