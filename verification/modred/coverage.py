"""What the operands of a test have exercised."""

from __future__ import annotations

from ..coverage import Coverage
from .stimulus import CLASSES, Design, Operands

__all__ = ["cover", "declare"]


def declare(coverage: Coverage, design: Design) -> None:
    """Declare every bin that a run of all tests should hit."""
    names = CLASSES["reduce" if design.operation == "reduce" else "arithmetic"]
    coverage.declare("operands", names)
    coverage.declare("residue", _BINS if design.modulus > 2 else _BINS[:2])


_BINS = ("0", "M - 1", "between")


def cover(coverage: Coverage, design: Design, name: str, results: Operands) -> None:
    """Count operands of one class, by their results."""
    coverage.hit("operands", name, len(results))
    for result in results:
        for residue in result:
            ends = {0: "0", design.modulus - 1: "M - 1"}
            coverage.hit("residue", ends.get(residue, "between"))
