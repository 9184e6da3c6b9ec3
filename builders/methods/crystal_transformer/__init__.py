"""CrystalTransformer: universal atomic embeddings from crystals."""
