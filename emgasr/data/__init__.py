"""Recordings in, training batches out: composition, augmentation, checks before time is spent."""
