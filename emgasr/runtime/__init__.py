"""What the package runs on: compiled kernels, devices of PyTorch, torchaudio, signals that end a process."""
