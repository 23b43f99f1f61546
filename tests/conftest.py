"""What every test shares: this folder on the path, so that tests import `miniatures`."""
