"""Settings of every test run."""

from __future__ import annotations

import os

from hypothesis import settings

# Each of the test processes has a core: libraries that start a thread per core would fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no limit on the time of one: a busy machine fails nothing.
settings.register_profile("gatewright", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gatewright")
