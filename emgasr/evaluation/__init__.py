"""Labelled recordings and a model in; error rates, tuned searches and reports out."""
