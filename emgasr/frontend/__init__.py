"""Raw samples in, normalized frames out: conditioning, features, normalization; the same live and offline."""
