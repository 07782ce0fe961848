from __future__ import annotations

import itertools
import random

import pytest

from gatewright.errors import InputError
from gatewright.verification.stalls import Stall


@pytest.mark.parametrize(("share", "length"), [(0.25, None), (0.5, 4), (0.7, 3), (0.1, 20)])
def test_share_and_mean_length(share: float, length: float | None) -> None:
    stalled = list(itertools.islice(Stall(share, length).cycles(random.Random(7)), 200_000))
    assert sum(stalled) / len(stalled) == pytest.approx(share, rel=0.08)
    runs = [sum(1 for _ in run) for value, run in itertools.groupby(stalled) if value]
    mean = 1 / (1 - share) if length is None else length
    assert sum(runs) / len(runs) == pytest.approx(mean, rel=0.08)


def test_no_stall_never_stalls() -> None:
    assert not any(itertools.islice(Stall().cycles(random.Random(0)), 1000))


@pytest.mark.parametrize(
    ("share", "length", "message"),
    [
        (1.0, None, r"^stall probability must be at least 0 and below 1, not 1\.0$"),
        (-0.1, None, r"^stall probability must be at least 0 and below 1, not -0\.1$"),
        (0.5, 0.5, r"^stall length must be at least 1 cycle, not 0\.5$"),
        (0.9, 2, r"^stall length must be at least 9\.00 cycles for a probability of 0\.9, not 2$"),
    ],
)
def test_impossible_stalls_are_refused(share: float, length: float | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stall(share, length)
