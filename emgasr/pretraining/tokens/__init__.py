"""Contractions in; their tokens, pictures of them, and what codes say of labels, out."""
