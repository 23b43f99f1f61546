"""Fusions of models, fitted on held-out people."""
