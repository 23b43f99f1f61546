"""Verbs at a live signal."""
