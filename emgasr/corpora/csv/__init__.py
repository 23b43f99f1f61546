"""Samples in delimited text: columns, clocks and lines of exports."""
