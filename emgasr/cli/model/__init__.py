"""Verbs that make and describe models."""
