"""The database: what is stored comes back, whoever else writes, and whatever the file holds."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from gatewright.errors import InputError
from gatewright.flows.results import DATABASE, Results
from gatewright.flows.results.query import query

from .helpers import run

WRITER = """
import sys
from pathlib import Path
from gatewright.flows.results import Results
from tests.flows.results.helpers import run
path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(first, first + count):
    with Results(path) as results:
        results.put(run(number), run(10**6))
"""


def test_a_run_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    path = tmp_path / "new" / DATABASE
    with Results(path) as results:
        results.put(run(1), run(2))
    with Results(path) as results:
        assert results.get("key000002") == run(2)
        assert results.get("another") is None
        assert results.many(["key000001", "x"]) == {"key000001": run(1)}
        assert results.read("PRAGMA journal_mode") == [("wal",)]


def test_figures_are_the_scalars_of_config_and_report() -> None:
    figures = run(3).figures()
    assert figures["area"] == 103 and figures["power.total"] == 3 / 8
    assert figures["config.width"] == 3 and figures["config.names"] == "a,b"
    assert figures["step"] == "synth" and figures["seconds"] == 0.5
    assert not {"met", "critical_path", "modules.top.area"} & set(figures)
    big = run(1, config={"modulus": 1 << 200}).figures()
    assert big["config.modulus"] == hex(1 << 200)


def test_the_same_key_replaces_the_run_and_its_figures(tmp_path: Path) -> None:
    with Results(tmp_path / DATABASE) as results:
        results.put(run(1))
        results.put(run(1, report={"area": 7}))
        assert results.count() == 1
        assert list(results.column("area").values()) == [7]
        assert results.column("delay") == {}


def test_writers_of_several_processes_lose_nothing(tmp_path: Path) -> None:
    """Four processes make the database at once and write to it, opening it anew for each run."""
    path, each = tmp_path / DATABASE, 12
    root = Path(__file__).parents[3]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first), str(each)], cwd=root,
            stderr=subprocess.PIPE, text=True,
        )
        for first in range(0, 4 * each, each)
    ]  # fmt: skip
    errors = [job.communicate()[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0] * 4, errors
    with Results(path) as results:
        assert results.count() == 4 * each + 1
        assert len(results.column("area")) == 4 * each + 1
        assert results.read("PRAGMA integrity_check") == [("ok",)]


def test_a_file_of_another_kind_is_copied_aside(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    path.write_bytes(b"these are my notes\n" * 100)
    with pytest.warns(UserWarning) as told, Results(path) as results:
        results.put(run(1))
        assert results.count() == 1
    aside = tmp_path / "results.damaged-1.sqlite"
    assert aside.read_bytes() == b"these are my notes\n" * 100
    assert len(told) == 1 and "\n" not in str(told[0].message)
    assert str(aside) in str(told[0].message)
    with Results(path) as results, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert results.count() == 1


def test_damage_inside_is_copied_aside_and_what_can_be_read_is_kept(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    with Results(path) as results:
        results.put(*(run(number) for number in range(400)))
        results.read("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = results.read("SELECT rootpage FROM sqlite_schema WHERE name = 'figures'")
        size = results.read("PRAGMA page_size")[0][0]
    data = bytearray(path.read_bytes())
    start = (pages[0][0] - 1) * size
    data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="damaged"), Results(path) as results:
        assert len(results.column("area")) == 400
        assert results.get("key000399") == run(399)
    assert (tmp_path / "results.damaged-1.sqlite").read_bytes() == bytes(data)


def test_a_newer_database_is_copied_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    with Results(path) as results:
        results.put(run(1))
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 9")
    newer.close()
    with pytest.warns(UserWarning, match="newer version 9") as told, Results(path) as results:
        assert results.count() == 0
    assert len(told) == 1
    with sqlite3.connect(tmp_path / "results.version-9-1.sqlite") as aside:
        assert aside.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    aside.close()


def test_a_database_of_another_program_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="another program"):
        Results(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can be written"):
        Results(tmp_path / "file" / DATABASE)


def test_ten_thousand_runs_are_queried_fast(tmp_path: Path) -> None:
    """Under 100 ms on a machine at rest (the issue's figure); here five times that may pass."""
    with Results(tmp_path / DATABASE) as results:
        results.put(*(run(number) for number in range(10_000)))
        best = 9.0
        for _ in range(5):
            start = time.perf_counter()
            table = query(results, 'area < 5000 and generator == "tiny"', sort="-area", limit=40)
            best = min(best, time.perf_counter() - start)
        assert table.total == 4900 and table.rows[0][table.columns.index("area")] == 4999
    print(f"query of 10,000 runs: {1000 * best:.0f} ms")
    assert best < 0.5
