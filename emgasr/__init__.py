"""Text from muscle signals: recordings of surface EMG in, keystrokes or words out."""

__version__ = "0.1.0"
