"""Rows of the table of benchmarks: what a benchmark's ``run`` returns, and run.py writes."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["Row", "row"]

Row = dict[str, Any]


def row(
    name: str, value: float, unit: str, *, baseline: float | None = None, inverse: bool = False,
    target: float | None = None, target_is: Literal["ratio", "value"] = "value",
    at_most: bool = False,
) -> Row:  # fmt: skip
    """Return the row of a ``value`` in ``unit`` ("" where it has none).

    With a ``baseline``, in the same unit and of the same run or published, it has a ``ratio``, of
    value to baseline, or (``inverse``) of baseline to value. Its ``target``, of the value or of the
    ratio as ``target_is`` says, is the least that will do, or (``at_most``) the most.
    """
    ratio = None
    if baseline is not None:
        ratio = baseline / value if inverse else value / baseline
    return {
        "name": name, "value": value, "unit": unit, "baseline": baseline, "ratio": ratio,
        "target": target, "target_is": target_is, "at_most": at_most,
    }  # fmt: skip
