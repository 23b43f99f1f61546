"""Acoustic models: frames in, natural-log probabilities of each token per frame out; kept in folders."""
