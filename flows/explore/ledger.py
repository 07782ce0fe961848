"""What a sweep has done so far, in the results database: where it goes on after an interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..results import Results, Run
from .space import Point, Space

__all__ = ["Entry", "Ledger", "point_text"]


@dataclass(frozen=True)
class Entry:
    """What is known of a point: the keys of its runs, or why it has none."""

    runs: tuple[str, ...]
    failure: str | None


class Ledger:
    """The rows of one sweep.

    Parameters
    ----------
    results
        The database.
    space
        The space: the same one, with whatever budget, is the same sweep.
    forget
        Do everything again.
    """

    def __init__(self, results: Results, space: Space, forget: bool = False) -> None:
        self._results, self.sweep = results, space.identity
        if forget:
            results.write("DELETE FROM points WHERE sweep = ?", [(self.sweep,)])
        document = json.dumps({
            "title": space.title, "method": space.method, "size": space.size,
            "objectives": {each.name: [each.expression.text, each.goal]
                           for each in space.objectives},
            "parameters": list(space.parameters), "columns": list(space.columns),
            "steps": list(space.evaluation.steps),
        })  # fmt: skip
        results.write(
            "INSERT INTO sweeps VALUES (?, ?, ?, ?, 'running') ON CONFLICT (id) DO UPDATE SET "
            "space = excluded.space, started = excluded.started, state = 'running'",
            [(self.sweep, space.generator, document, time.time())],
        )
        rows = results.read(
            "SELECT stage, point, runs, failure FROM points WHERE sweep = ?", (self.sweep,)
        )
        self._entries = {
            (stage, point): Entry(tuple(json.loads(runs)), failure)
            for stage, point, runs, failure in rows
        }

    def entry(self, stage: str, point: str) -> Entry | None:
        """Return what is known of a point from before."""
        return self._entries.get((stage, point))

    def done(self, stage: str) -> dict[str, Entry]:
        """Return what is known of all points of a stage."""
        return {point: each for (name, point), each in self._entries.items() if name == stage}

    def add(self, stage: str, runs: Sequence[Run], entries: Mapping[str, Entry]) -> None:
        """Store runs, and what is known of their points."""
        self._results.put(*runs)
        self._results.write(
            "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, NULL, 0)",
            [(self.sweep, point, stage, json.dumps(each.runs), each.failure)
             for point, each in entries.items()],
        )  # fmt: skip
        self._entries |= {(stage, point): each for point, each in entries.items()}

    def finish(
        self, designs: Iterable[tuple[str, Sequence[str], Mapping[str, float], bool]]
    ) -> None:
        """Store what was compared: points, keys of runs, objectives, whether on the front."""
        self._results.write(
            "DELETE FROM points WHERE sweep = ? AND stage = 'final'", [(self.sweep,)]
        )
        self._results.write(
            "INSERT INTO points VALUES (?, ?, 'final', ?, NULL, ?, ?)",
            [(self.sweep, point, json.dumps(list(runs)), json.dumps(dict(objectives)), int(front))
             for point, runs, objectives, front in designs],
        )  # fmt: skip
        self._results.write("UPDATE sweeps SET state = 'done' WHERE id = ?", [(self.sweep,)])


def point_text(space: Space, point: Point) -> str:
    """Return the values of a point's parameters, as the database names the point."""
    values = {
        name: values[at]
        for (name, values), at in zip(space.parameters.items(), point, strict=True)
    }
    return json.dumps(values, sort_keys=True)
