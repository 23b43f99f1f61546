"""Configurations: YAML files and command lines in, checked frozen dataclasses out."""
