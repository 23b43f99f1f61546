"""Text in, counts and Kneser-Ney probabilities out."""
