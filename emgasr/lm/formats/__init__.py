"""Files of language models: ARPA, the compact format, and binaries of others, named and refused."""
