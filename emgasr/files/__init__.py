"""Files in and out, safely: text, JSON, YAML, HDF5, weights; results that a crash leaves whole."""
