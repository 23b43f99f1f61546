"""An n-best list in, the same in a better order out: the second look at a segment, with models that see it whole."""
