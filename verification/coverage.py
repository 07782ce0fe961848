"""Functional coverage: named points, each with bins that count how often they were hit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Coverage"]


class Coverage:
    """Counts of what a test has exercised.

    A point is declared with all the bins that a good test hits, so that the report shows the ones
    it never did; a bin outside the declared ones is added when it is hit, and counts as hit.

    Attributes
    ----------
    points
        Hits of each bin, by point.
    excuses
        Why a bin need not be hit, by point and bin. It does not count where it is not.
    """

    def __init__(self) -> None:
        self.points: dict[str, dict[str, int]] = {}
        self.excuses: dict[str, dict[str, str]] = {}

    def declare(self, point: str, bins: Iterable[str]) -> None:
        """Add a point, or more bins to it, with no hits."""
        counts = self.points.setdefault(point, {})
        for name in bins:
            counts.setdefault(name, 0)

    def excuse(self, point: str, bins: Iterable[str], reason: str) -> None:
        """Tell why the design at hand cannot hit some bins, or only by rare luck."""
        self.excuses.setdefault(point, {}).update(dict.fromkeys(bins, reason))

    def hit(self, point: str, name: str, times: int = 1) -> None:
        """Count a hit of one bin."""
        counts = self.points.setdefault(point, {})
        counts[name] = counts.get(name, 0) + times

    def merge(
        self,
        points: Mapping[str, Mapping[str, int]],
        excuses: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Add the counts and excuses of another run."""
        for point, counts in points.items():
            for name, times in counts.items():
                self.hit(point, name, times)
        for point, reasons in (excuses or {}).items():
            self.excuses.setdefault(point, {}).update(reasons)

    def missed(self) -> list[str]:
        """Each bin without a hit or an excuse, as ``point: bin``."""
        return [
            f"{point}: {name}"
            for point, name in self._without_hit()
            if name not in self.excuses.get(point, {})
        ]

    def excused(self) -> dict[str, str]:
        """Why bins without a hit need none, by ``point: bin``."""
        return {
            f"{point}: {name}": self.excuses[point][name]
            for point, name in self._without_hit()
            if name in self.excuses.get(point, {})
        }

    def report(self) -> dict[str, object]:
        """The counts, how many bins there are and how many were hit, the missed and the excused.

        ``bins`` counts those that are excused too.
        """
        bins = sum(len(counts) for counts in self.points.values())
        return {
            "points": self.points, "bins": bins, "hit": bins - len(list(self._without_hit())),
            "missed": self.missed(), "excused": self.excused(),
        }  # fmt: skip

    def _without_hit(self) -> Iterator[tuple[str, str]]:
        for point, counts in self.points.items():
            for name, times in counts.items():
                if times == 0:
                    yield point, name
