"""Text in, a neural language model of it out: the fit of `emgasr.lm.neural`."""
