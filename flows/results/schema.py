"""The tables of the database, and what becomes of a file that holds something else."""

from __future__ import annotations

import shutil
import sqlite3
import warnings
from contextlib import closing, suppress
from pathlib import Path

from filelock import FileLock

from ...errors import InputError

__all__ = ["BUSY_SECONDS", "RUN_COLUMNS", "VERSION", "connect", "is_damage", "replace_damaged"]

VERSION = 1
BUSY_SECONDS = 60
"""How long a writer waits for the others."""

RUN_COLUMNS = (
    "key", "step", "generator", "design", "config_hash", "config", "target", "verdict",
    "started", "seconds", "folder", "report",
)  # fmt: skip

# A run is found by its key, and its figures by name: a query touches only those that it names.
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, step TEXT NOT NULL, generator TEXT NOT NULL,
  design TEXT NOT NULL, config_hash TEXT NOT NULL, config TEXT NOT NULL, target TEXT NOT NULL,
  verdict TEXT NOT NULL, started REAL NOT NULL, seconds REAL NOT NULL, folder TEXT NOT NULL,
  report TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS runs_config ON runs (config_hash);
CREATE TABLE IF NOT EXISTS figures (
  name TEXT NOT NULL, run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, value,
  PRIMARY KEY (name, run)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS figures_run ON figures (run);
CREATE TABLE IF NOT EXISTS designs (
  config_hash TEXT NOT NULL, sources TEXT NOT NULL, manifest TEXT NOT NULL,
  PRIMARY KEY (config_hash, sources)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweeps (
  id TEXT PRIMARY KEY, generator TEXT NOT NULL, space TEXT NOT NULL, started REAL NOT NULL,
  state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS points (
  sweep TEXT NOT NULL REFERENCES sweeps (id) ON DELETE CASCADE, point TEXT NOT NULL,
  stage TEXT NOT NULL, runs TEXT NOT NULL, failure TEXT, objectives TEXT,
  pareto INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (sweep, point, stage)) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database at ``path``, which is made if there is none.

    One that is damaged, or that a newer version of this program wrote, is copied aside, and told
    in a line; a new one takes its place, with the runs that can still be read.

    Raises
    ------
    InputError
        If the file cannot be opened or made.
    """
    # Making tables and switching to the write-ahead log need the file for oneself, and SQLite
    # does not wait for that: whoever opens takes turns.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            return _opened(path)
    except (sqlite3.OperationalError, OSError) as error:
        raise InputError(f"{path} must be a database that can be written: {error}") from error


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that the file is damaged, and not busy or out of space."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in codes


def replace_damaged(path: Path) -> None:
    """Set the damaged database aside; a new one gets what can be read."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        _set_aside(path, "damaged")


def _opened(path: Path) -> sqlite3.Connection:
    existed = path.exists() and path.stat().st_size > 0
    try:
        connection = _plain(path)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == VERSION:
            connection.execute("SELECT id, key FROM runs LIMIT 1").fetchone()
        elif existed:
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if version == 0 and tables:
                connection.close()
                raise InputError(f"{path} must be a results database, not one of another program")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        _set_aside(path, "damaged")
        return _opened(path)
    if version == VERSION:
        return connection
    if version > VERSION:
        connection.close()
        _set_aside(path, f"version-{version}")
        return _opened(path)
    connection.execute("PRAGMA journal_mode = WAL")
    with connection:
        connection.executescript(_TABLES)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    return connection


def _plain(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level="IMMEDIATE")
    # With a write-ahead log this survives a crash of the program; one of the machine can cost the
    # last runs, not the file.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _set_aside(path: Path, why: str) -> None:
    """Copy the database and its log aside, and make a new one of the runs that can be read."""
    aside = _free(path, why)
    companions = [(path.with_name(path.name + tail), aside.with_name(aside.name + tail))
                  for tail in ("", "-wal", "-shm")]  # fmt: skip
    for here, there in companions:
        if here.exists():
            shutil.copy2(here, there)
    rows = _readable(path) if why == "damaged" else []
    for here, _ in companions:
        here.unlink(missing_ok=True)
    if rows:
        with closing(_opened(path)) as fresh, fresh:
            from .database import insert

            for row in rows:
                insert(fresh, row)
    if why == "damaged":
        told = f"is damaged: a copy lies at {aside}, and {len(rows)} runs of it were kept"
    else:
        told = f"is of a newer {why.replace('-', ' ')} (this is {VERSION}): it lies at {aside} now"
    warnings.warn(f"{path} {told}", stacklevel=2)


def _free(path: Path, why: str) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.{why}-{number}{path.suffix}")).exists():
        number += 1
    return aside


def _readable(path: Path) -> list[tuple[object, ...]]:
    """Return the rows of runs from both ends up to the damage."""
    found: dict[object, tuple[object, ...]] = {}
    columns = ", ".join(RUN_COLUMNS)
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
            query = f"SELECT {columns} FROM runs ORDER BY id {order}"
            for row in connection.execute(query):
                if all(isinstance(value, str | float | int) for value in row):
                    found.setdefault(row[0], row)
    return list(found.values())
