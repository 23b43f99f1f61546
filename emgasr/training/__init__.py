"""Manifests and configurations in, trained and personalized models out."""
