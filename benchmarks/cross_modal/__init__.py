"""What composition encoders are worth on experiments and calculations that they did not see."""
