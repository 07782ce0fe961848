"""When a stream pauses: the one description of stalls that both engines use."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import InputError

__all__ = ["Stall"]


@dataclass(frozen=True)
class Stall:
    """Random pauses of a stream: idle cycles of a source, or back-pressure of a sink.

    A two-state Markov chain. ``probability`` p is the share of cycles spent stalled; ``length`` L
    is the mean run of stalled cycles. From flowing a stall begins with probability ``enter``, from
    stalled it ends with probability ``leave``::

        leave = 1/L        enter = leave · p/(1 - p)

    Without a length, cycles are independent: enter = p, leave = 1 - p.

    Raises
    ------
    InputError
        If p is not in 0..1 (1 itself excluded), L < 1, or enter would exceed 1.
    """

    probability: float = 0.0
    length: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.probability < 1:
            raise InputError(
                f"stall probability must be at least 0 and below 1, not {self.probability!r}"
            )
        if self.length is not None and self.length < 1:
            raise InputError(f"stall length must be at least 1 cycle, not {self.length!r}")
        if self.enter > 1:
            raise InputError(
                f"stall length must be at least {self.probability / (1 - self.probability):.2f} "
                f"cycles for a probability of {self.probability}, not {self.length!r}"
            )

    @property
    def leave(self) -> float:
        """Probability that a stalled cycle is followed by a flowing one."""
        return 1 - self.probability if self.length is None else 1 / self.length

    @property
    def enter(self) -> float:
        """Probability that a flowing cycle is followed by a stalled one."""
        return self.leave * self.probability / (1 - self.probability)

    def cycles(self, rng: random.Random) -> Iterator[bool]:
        """Endlessly, whether the next cycle is stalled."""
        stalled = False
        while True:
            number = rng.random()
            stalled = number >= self.leave if stalled else number < self.enter
            yield stalled
