"""Two passes over recordings in; what the second cost and won, and its weights, out."""
