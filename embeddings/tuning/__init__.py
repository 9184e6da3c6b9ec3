"""Fine-tuning composition encoders: what the estimators and the bench share, and neither of them."""
