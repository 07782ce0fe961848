"""Settings of every test run."""

from __future__ import annotations

import os
from itertools import count

import pytest
from hypothesis import settings

# Each of the test processes has a core: libraries that start a thread per core would fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no limit on the time of one: a busy machine fails nothing.
settings.register_profile("gatewright", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gatewright")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test marked ``one_in(n)``, keep a case of each n for `make test`.

    The others are marked ``thorough``. The next n give their next case, so that all values of all
    parameters have their turn.
    """
    numbers: dict[str, count[int]] = {}
    for item in items:
        mark = item.get_closest_marker("one_in")
        if mark is not None:
            (n,) = mark.args
            name = item.nodeid.partition("[")[0]
            group, place = divmod(next(numbers.setdefault(name, count())), n)
            if place != group % n:
                item.add_marker(pytest.mark.thorough)
