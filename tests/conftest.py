"""What every test shares: this folder on the path, so that tests import `miniatures`, and one thread a process.

The tests' models are tiny: two threads that wait for each other at every operation take many times as long as one where
other work shares the cores.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported, here and in the tests' processes
