"""What every test shares: this folder on the path, so that tests import `miniatures`, one thread, the same examples.

The tests' models are tiny: two threads that wait for each other at every operation take many times as long as one where
other work shares the cores. Hypothesis draws the same examples each time, so that a change is judged by what it does;
HYPOTHESIS_PROFILE=explore draws new ones, and an example that fails is then added to its test.
"""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported, here and in the tests' processes

settings.register_profile("repeat", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))
