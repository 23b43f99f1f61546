"""Text in, ln p of each symbol out: small neural language models of the symbols that a recognizer writes."""
