"""The last additions that bring a value between known bounds to 0 … M - 1."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Correction", "plan_corrections"]


@dataclass(frozen=True)
class Correction:
    """Add ``multiple`` times the modulus where the value's sign is ``negative``.

    ``low`` and ``high`` bound the value afterwards: ``-low <= value <= high``.
    """

    negative: bool
    multiple: int
    low: int
    high: int


def plan_corrections(low: int, high: int, modulus: int) -> tuple[Correction, ...]:
    """Return the fewest sign-controlled additions that take ``[-low, high]`` to ``[0, M - 1]``.

    Each looks at the sign alone, adds to one side of zero only, and takes off about half of what
    that side has beyond ±M; the last one adds M to what is negative. From ``[-M, 2M)`` it is two.
    A plan for bounds that are multiples of one modulus holds for every modulus.
    """
    plan: list[Correction] = []
    while low > modulus or high >= modulus:
        if low > high:
            multiple = max(1, -(-low // modulus) // 2)
            low = max(0, low - multiple * modulus)
            high = max(high, multiple * modulus - 1)
            plan.append(Correction(True, multiple, low, high))
        else:
            multiple = max(1, (high // modulus + 1) // 2)
            low, high = max(low, multiple * modulus), max(0, high - multiple * modulus)
            plan.append(Correction(False, -multiple, low, high))
    if low:
        plan.append(Correction(True, 1, 0, max(high, modulus - 1)))
    return tuple(plan)
