"""Readings of labelled recordings and of rest in; from when on a model says something, and what that costs, out."""
