"""BIDS EMG: BDF and EDF with their sidecar files."""
