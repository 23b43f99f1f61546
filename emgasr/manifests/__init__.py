"""Lists of recordings: entries, splits, what the splits share and must not, and whose data shaped a model."""
