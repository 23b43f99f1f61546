"""Samples of a live signal in, keys out while the signal goes on."""
