"""What a search knows of its tokens in, calibrated probabilities that tokens, words and segments are right out."""
