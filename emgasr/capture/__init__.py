"""A live signal in; recordings, diagnoses and personal models out."""
