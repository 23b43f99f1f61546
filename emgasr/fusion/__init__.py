"""Several models, of one sensor or of several, in; one answer, offline and live, out."""
