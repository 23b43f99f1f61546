"""The verb lm: language models built, mixed and queried."""
