"""Encoders: normalized frames (B, F, N, E, K) in, hidden frames (B, F, D) out; one file a kind."""
