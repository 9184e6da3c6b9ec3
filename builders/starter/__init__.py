"""The starter dataset: small crystals decorated, computed with CHGNet and packaged, so that no key is needed."""
