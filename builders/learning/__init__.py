"""What trainings share: targets, splits and scores; compositions as tensors, and fine-tuning on them."""
