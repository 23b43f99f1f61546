"""Sample files of one recording: numpy, WAV, MATLAB, EDF and BDF."""
