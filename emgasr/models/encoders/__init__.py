"""Frames in, hidden frames out: the networks of the literature on gestures, one file each."""
