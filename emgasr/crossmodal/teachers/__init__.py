"""Texts, poses and sound in, embeddings of frozen teachers out: the contracts, one file a kind."""
