"""A mutation fuzzer: valid small files of every format that emgasr reads in, damaged; faults of the readers out.

`python -m tests.fuzz` runs all formats, `python -m tests.fuzz wav --only 137` repeats one run and shows it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' miniatures write the files to begin with
