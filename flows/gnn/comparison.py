"""What a run gave against what it should give."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import CheckFailed
from ...generators.gnn.codes import Integers
from ...generators.gnn.program_file import Expected

__all__ = ["accuracy", "check_codes", "quality"]


def check_codes(found: Integers, expected: Expected) -> None:
    """Compare output codes with the golden model's.

    Raises
    ------
    CheckFailed
        If one differs; the line names the first.
    """
    wrong = np.argwhere(found != expected.codes)
    if len(wrong):
        vertex, column = map(int, wrong[0])
        raise CheckFailed(
            f"output of vertex {vertex}, column {column} must be {expected.codes[vertex, column]}, "
            f"not {found[vertex, column]} ({len(wrong):,} of {found.size:,} differ)"
        )


def accuracy(scores: np.ndarray[Any, np.dtype[Any]], expected: Expected) -> float | None:
    """Return the share of test vertices whose class has the highest score; None without labels."""
    if expected.labels is None:
        return None
    chosen = expected.test if expected.test is not None else np.ones(len(scores), np.bool_)
    return float((scores.argmax(axis=1) == expected.labels)[chosen].mean())


def quality(found: Integers, expected: Expected) -> dict[str, Any]:
    """Return how far int8 outputs are from the float64 network, relative to its largest."""
    error = np.abs(found * expected.unit - expected.real)
    largest = float(np.abs(expected.real).max()) or 1.0
    power = float((expected.real**2).sum())
    noise = float((error**2).sum())
    result: dict[str, Any] = {
        "largest_error": float(error.max()) / largest,
        "mean_error": float(error.mean()) / largest,
        "snr_db": 10 * float(np.log10(power / noise)) if power and noise else None,
    }
    if expected.labels is not None:
        result |= {
            "accuracy_float": accuracy(expected.real, expected),
            "accuracy_int8": accuracy(found, expected),
        }
    return result
