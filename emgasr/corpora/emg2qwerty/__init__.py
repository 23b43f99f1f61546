"""The emg2qwerty corpus: its sessions, its BIDS edition and its splits."""
