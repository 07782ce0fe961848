"""Functional coverage: named points, each with bins that count how often they were hit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["Coverage"]


class Coverage:
    """Counts of what a test has exercised.

    A point is declared with all the bins that a good test hits, so that the report shows the ones
    it never did; a bin outside the declared ones is added when it is hit, and counts as hit.
    """

    def __init__(self) -> None:
        self.points: dict[str, dict[str, int]] = {}

    def declare(self, point: str, bins: Iterable[str]) -> None:
        """Add a point, or more bins to it, with no hits."""
        counts = self.points.setdefault(point, {})
        for name in bins:
            counts.setdefault(name, 0)

    def hit(self, point: str, name: str, times: int = 1) -> None:
        """Count a hit of one bin."""
        counts = self.points.setdefault(point, {})
        counts[name] = counts.get(name, 0) + times

    def merge(self, points: Mapping[str, Mapping[str, int]]) -> None:
        """Add the counts of another run."""
        for point, counts in points.items():
            for name, times in counts.items():
                self.hit(point, name, times)

    def missed(self) -> list[str]:
        """Each bin without a hit, as ``point: bin``."""
        return [
            f"{point}: {name}"
            for point, counts in self.points.items()
            for name, times in counts.items()
            if times == 0
        ]

    def report(self) -> dict[str, object]:
        """The counts, how many bins there are and how many were hit, and the missed ones."""
        bins = sum(len(counts) for counts in self.points.values())
        missed = self.missed()
        return {"points": self.points, "bins": bins, "hit": bins - len(missed), "missed": missed}
