"""Windows of normalized features in, log-probabilities of labels out: classifiers, one file a kind."""
