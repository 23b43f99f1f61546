"""Verbs that make, list, check and change recordings."""
