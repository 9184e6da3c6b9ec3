"""CroMEL: composition encoders that crystals have taught."""
