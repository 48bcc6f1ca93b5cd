"""The composition root: configuration to objects, the nursery tree, reload, signals, logging."""
