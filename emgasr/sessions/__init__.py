"""Recordings on disk: native session files, and journals of recordings in the making."""
