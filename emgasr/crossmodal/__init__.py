"""Muscles and meaning: an encoder of any armband, aligned with frozen teachers of text, pose or sound."""
