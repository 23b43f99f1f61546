"""WAY-EEG-GAL: grasp and lift, with the muscles of the arm and the scalp recorded together."""
