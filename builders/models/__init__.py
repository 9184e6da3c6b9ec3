"""Networks: ``nn.Module`` classes that encode batches, and nothing else."""
