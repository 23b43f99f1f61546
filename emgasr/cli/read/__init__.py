"""Verbs that read recordings: text, error rates, search weights."""
