"""Manifests and a frozen teacher in; an encoder aligned with it out: losses, batches, the run."""
