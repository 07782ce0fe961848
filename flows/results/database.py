"""The results database: SQLite beside the build folders, shared by processes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from ...errors import InputError
from ...generators.artifacts import Manifest
from .run import Run
from .schema import RUN_COLUMNS, connect, is_damage, replace_damaged

__all__ = ["DATABASE", "Results", "insert"]

DATABASE = "results.sqlite"
"""Name of the database, in the folder that holds the build folders."""

T = TypeVar("T")
_COLUMNS = ", ".join(RUN_COLUMNS)


class Results:
    """The database at a path.

    Each call is a transaction of its own; other processes may read and write at the same time.
    Figures of all calls raise `InputError` if the file cannot be used.

    Parameters
    ----------
    path
        The file; it is made if there is none. A damaged or newer one is copied aside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def put(self, *runs: Run) -> None:
        """Store runs, all or none; one with the key of an older one replaces it."""
        rows = [_row(run) for run in runs]

        def store(connection: sqlite3.Connection) -> None:
            with connection:
                for row in rows:
                    insert(connection, row)

        self._do(store)

    def get(self, key: str) -> Run | None:
        """Return the run with a key."""
        found = self.many([key])
        return found.get(key)

    def many(self, keys: Iterable[str]) -> dict[str, Run]:
        """Return the runs with some keys, by key."""
        wanted = list(dict.fromkeys(keys))

        def read(connection: sqlite3.Connection) -> dict[str, Run]:
            found = {}
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                for row in connection.execute(
                    f"SELECT {_COLUMNS} FROM runs WHERE key IN ({marks})", part
                ):
                    found[row[0]] = _run(row)
            return found

        return self._do(read)

    def runs(self, ids: Sequence[int]) -> list[Run]:
        """Return runs by number, in the given order."""
        def read(connection: sqlite3.Connection) -> list[Run]:
            found = {}
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                marks = ",".join("?" * len(part))
                for number, *row in connection.execute(
                    f"SELECT id, {_COLUMNS} FROM runs WHERE id IN ({marks})", part
                ):
                    found[number] = _run(row)
            return [found[number] for number in ids]

        return self._do(read)

    def every_run(self) -> list[Run]:
        """Return all runs, the oldest first."""
        return self._do(lambda connection: [
            _run(row) for row in connection.execute(f"SELECT {_COLUMNS} FROM runs ORDER BY id")
        ])  # fmt: skip

    def count(self) -> int:
        """Return how many runs there are."""
        return int(self._do(lambda c: c.execute("SELECT count(*) FROM runs").fetchone()[0]))

    def names(self) -> list[str]:
        """Return the names of all figures."""
        # Skips from name to name in the index: of each there are as many rows as runs.
        query = """WITH RECURSIVE each(name) AS (
            SELECT min(name) FROM figures UNION ALL
            SELECT (SELECT min(name) FROM figures WHERE name > each.name) FROM each
            WHERE each.name IS NOT NULL)
          SELECT name FROM each WHERE name IS NOT NULL"""
        return self._do(lambda c: [name for (name,) in c.execute(query)])

    def column(self, name: str) -> dict[int, float | str]:
        """Return a figure of every run that has it, by number of the run, in order."""
        query = "SELECT run, value FROM figures WHERE name = ? ORDER BY run"
        return self._do(lambda c: dict(c.execute(query, (name,)).fetchall()))

    def ids(self) -> list[int]:
        """Return the numbers of all runs, the oldest first."""
        return self._do(lambda c: [n for (n,) in c.execute("SELECT id FROM runs ORDER BY id")])

    def design(self, config_hash: str, sources: str) -> Manifest | None:
        """Return the manifest of a design that was emitted by the same sources before."""
        query = "SELECT manifest FROM designs WHERE config_hash = ? AND sources = ?"
        found = self._do(lambda c: c.execute(query, (config_hash, sources)).fetchone())
        return None if found is None else Manifest(**json.loads(found[0]))

    def put_design(self, sources: str, manifest: Manifest) -> None:
        """Remember what a config was emitted to: enough of its manifest to make keys of runs."""
        kept = {
            **{name: getattr(manifest, name)
               for name in ("generator", "design", "top", "config_hash", "hash", "testbench")},
            "verilog": [], "config": dict(manifest.config), "clock": None, "reset": None,
            "ports": [],
        }  # fmt: skip
        self.write(
            "INSERT OR REPLACE INTO designs VALUES (?, ?, ?)",
            [(manifest.config_hash, sources, json.dumps(kept))],
        )

    def write(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Do a statement for each row, all or none."""
        def store(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany(statement, rows)

        self._do(store)

    def read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._do(lambda connection: connection.execute(query, values).fetchall())

    def _do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return job(self._connection)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise InputError(f"{self.path} must be a database that can be used: {error}"
                                 ) from error  # fmt: skip
        # The damage may lie where this process has not looked before.
        with suppress(sqlite3.DatabaseError):
            self._connection.close()
        replace_damaged(self.path)
        self._connection = connect(self.path)
        return job(self._connection)


def insert(connection: sqlite3.Connection, row: Sequence[object]) -> None:
    """Store a row of `RUN_COLUMNS` and its figures, inside the caller's transaction."""
    connection.execute("DELETE FROM figures WHERE run = (SELECT id FROM runs WHERE key = ?)",
                       (row[0],))  # fmt: skip
    marks = ", ".join("?" * len(RUN_COLUMNS))
    done = connection.execute(
        f"INSERT OR REPLACE INTO runs ({_COLUMNS}) VALUES ({marks})", tuple(row)
    )
    number = done.lastrowid
    connection.executemany(
        "INSERT INTO figures (name, run, value) VALUES (?, ?, ?)",
        [(name, number, value) for name, value in _run(row).figures().items()],
    )


def _row(run: Run) -> tuple[object, ...]:
    values: Mapping[str, Any] = vars(run)
    coded = {name: json.dumps(values[name], separators=(",", ":")) for name in ("config", "report")}
    return tuple(coded.get(name, values[name]) for name in RUN_COLUMNS)


def _run(row: Sequence[Any]) -> Run:
    values = dict(zip(RUN_COLUMNS, row, strict=True))
    return Run(**values | {name: json.loads(values[name]) for name in ("config", "report")})
