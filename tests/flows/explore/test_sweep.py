"""Sweeps on a local cluster: results, resumption, trouble, and the time beside runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from gatewright.errors import InputError
from gatewright.flows.explore import runner
from gatewright.flows.explore.budget import Budget
from gatewright.flows.explore.cluster import connected
from gatewright.flows.explore.runner import Limits
from gatewright.flows.explore.sweep import explore
from gatewright.flows.explore.table import document, page, table
from gatewright.flows.results import DATABASE, Results

from .conftest import Made, calls

GRID = {"x": [1, 2, 3, 13], "y": [0, 1, 4]}


def test_the_pareto_set_is_found_printed_and_stored(lab: Made, tmp_path: Path) -> None:
    space = lab(parameters=GRID, constraints=["x != 2 or y < 4"], columns=["area"])
    sweep = explore(space, tmp_path / "out")
    assert not sweep.failures
    assert sweep.estimated == 8 and sweep.refused == 3
    front = [each.objectives for each in sweep.front]
    assert front == [(10, 20)]
    header, rows = table(sweep)
    assert header == ["x", "y", "area", "time", "area"] and rows == [["1", "4", "10", "20", "10"]]
    assert document(sweep)["pareto"][0]["config"] == {"x": 1, "y": 4}
    assert "| 1 | 4 | 10 | 20 | 10 |" in page(sweep, "gatewright explore lab space.yaml")
    with Results(tmp_path / "out" / DATABASE) as results:
        assert results.count() == 8
        stored = results.read("SELECT point FROM points WHERE stage = 'final' AND pareto = 1")
        assert stored == [('{"x": 1, "y": 4}',)]
        assert results.read("SELECT state FROM sweeps") == [("done",)]


def test_what_is_known_is_not_done_again(lab: Made, tmp_path: Path) -> None:
    space = lab(parameters=GRID)
    first = explore(space, tmp_path / "out")
    done = len(calls(tmp_path))
    again = explore(space, tmp_path / "out")
    assert len(calls(tmp_path)) == done == 9
    # The three that the generator refuses are known as well.
    assert again.reused == 12 and again.front == first.front
    assert again.refused == first.refused == 3 and not again.failures
    # Another space with some of the same designs does only the others.
    explore(lab(parameters={"x": [1, 5], "y": [0, 1, 4]}), tmp_path / "out")
    assert sorted(calls(tmp_path)[done:]) == ["5-0-none", "5-1-none", "5-4-none"]
    explore(space, tmp_path / "out", force=True)
    assert len(calls(tmp_path)) == done + 3 + 9


def test_a_design_that_cannot_be_modelled_is_told(lab: Made, tmp_path: Path) -> None:
    sweep = explore(lab(parameters={"x": [1], "y": [1, 999]}), tmp_path)
    assert list(sweep.failures.values()) == ["y must be modelled, not 999"]
    assert len(sweep.designs) == 1


@pytest.mark.one_in(2)
@pytest.mark.parametrize("trouble", ["die", "hang", "memory"])
def test_trouble_costs_that_run_a_retry(lab: Made, tmp_path: Path, trouble: str) -> None:
    """A worker's process that dies, hangs or eats memory: once is forgiven, twice is a failure."""
    space = lab(
        parameters={"x": [1, 2, 3], "trouble": ["none", trouble], "once": [True, False]},
        constraints=["x == 2 or trouble == 'none'", "trouble != 'none' or once"],
    )
    told: list[str] = []
    limits = Limits(seconds=5 if trouble == "hang" else 60, memory=500 << 20)
    sweep = explore(space, tmp_path, limits=limits, say=told.append, workers=2)
    # Three without trouble, one with trouble once; the one with trouble twice has failed.
    assert len(sweep.designs) == 4
    assert [("lost" in why) for why in sweep.failures.values()] == [True]
    # In a list of several jobs the first loss blames nobody.
    assert 1 <= len([line for line in told if "once more" in line]) <= 2
    assert len([line for line in told if "left out" in line]) == 1
    if trouble == "hang":
        child = int((tmp_path / "child").read_text())
        assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"
    # What was lost is tried again by the next sweep; what is known is not done again.
    before = len(calls(tmp_path))
    again = explore(space, tmp_path, limits=limits, workers=2)
    assert len(again.failures) == 1 and len(calls(tmp_path)) == before + 2
    why = {"die": "died (SIGKILL)", "hang": "ran longer", "memory": "more memory"}
    assert all(why[trouble] in each for each in (*sweep.failures.values(), *told))


@pytest.mark.thorough
def test_workers_killed_in_the_middle_cost_only_retries(lab: Made, tmp_path: Path) -> None:
    space = lab(parameters={"x": list(range(20, 44))}, workload={"seconds": 0.5})
    killed: dict[str, int] = {}

    def kill() -> None:
        while len(killed) < 3:
            time.sleep(0.1)
            lines = (tmp_path / "calls").read_text().splitlines() if calls(tmp_path) else []
            name, _, pid = lines[-1].partition(" ") if lines else ("", "", "")
            # No run twice: the second time would be its last.
            if lines and name not in killed and int(pid) not in killed.values():
                killed[name] = int(pid)
                os.kill(int(pid), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    sweep = explore(space, tmp_path, workers=2)
    thread.join()
    assert len(killed) == 3 and sweep.model_load.retries >= 2
    assert len(sweep.designs) == 24 and not sweep.failures


def test_no_process_outlives_its_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may take a job while the processes are ended, and start one more."""
    started: list[Any] = []

    def close_all() -> None:
        runner.close_all()
        if not started:
            started.append(runner._taken())

    monkeypatch.setattr("gatewright.flows.explore.cluster.close_all", close_all)
    with connected(None, 1, Limits()):
        pass
    assert started and not started[0].alive


@pytest.mark.thorough
@pytest.mark.one_in(2)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_sweep_goes_on(lab: Made, tmp_path: Path, how: signal.Signals) -> None:
    """`gatewright explore` loses at most the runs in flight, and leaves no process behind."""
    space = lab(parameters={"x": list(range(20, 60))}, workload={"seconds": 0.25})
    # Where tests run in the background, SIGINT is ignored, and children inherit that.
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from gatewright.cli import main; sys.exit(main())"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", program, "explore", "lab", str(tmp_path / "space.yaml"),
         "-o", str(tmp_path), "--workers", "2"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    end = time.monotonic() + 60
    while len(calls(tmp_path)) < 10 and time.monotonic() < end:
        time.sleep(0.05)
    job.send_signal(how)
    _, said = job.communicate(timeout=30)
    assert job.returncode != 0 and b"Traceback" not in said
    started = calls(tmp_path)
    assert 10 <= len(started) < 40
    pids = {int(line.split()[1]) for line in (tmp_path / "calls").read_text().splitlines()}
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, running = psutil.wait_procs([each for each in left if each.status() != "zombie"], 15)
    assert not running
    with Results(tmp_path / DATABASE) as results:
        stored = results.count()
    # Two slots, and a list that waits.
    assert stored >= len(started) - 4
    sweep = explore(space, tmp_path, workers=2)
    assert len(sweep.designs) == 40 and sweep.reused == stored
    assert len(calls(tmp_path)) == len(started) + 40 - stored


def test_budgets_end_a_sweep(lab: Made, tmp_path: Path) -> None:
    space = lab(parameters={"x": list(range(20, 60))}, workload={"seconds": 0.05})
    sweep = explore(space, tmp_path, budget=Budget(runs=7))
    assert len(sweep.designs) == 7
    assert len(explore(space, tmp_path, budget=Budget(runs=5)).designs) == 12
    slow = lab(parameters={"x": list(range(20, 60))}, workload={"seconds": 0.5})
    late = explore(slow, tmp_path / "other", budget=Budget(seconds=3))
    assert 1 <= len(late.designs) < 40


def test_wrong_objectives_are_refused_with_the_names_that_there_are(
    lab: Made, tmp_path: Path
) -> None:
    space = lab(parameters=GRID, objectives={"aera": "min"})
    with pytest.raises(InputError, match=r"objective aera .*area.*did you mean 'area'"):
        explore(space, tmp_path)


def test_a_space_that_the_generator_refuses_is_told(lab: Made, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"of 1 none can.*x must not be 13"):
        explore(lab(parameters={"x": [13]}), tmp_path)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere", "carrier://pigeon:1"])
def test_an_unreachable_scheduler_is_told(
    lab: Made, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatewright.flows.explore.cluster._PATIENCE", 1.0)
    with pytest.raises(InputError, match="scheduler must be the address"):
        explore(lab(parameters=GRID), tmp_path, scheduler=address)


@pytest.mark.thorough
def test_any_scheduler_serves_whatever_becomes_of_its_workers(
    lab: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/cluster.md has it, by hand: one worker is killed, in the other memory runs out."""
    monkeypatch.setattr("gatewright.flows.explore.cluster._PATIENCE", 60.0)
    address = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    head = subprocess.Popen(
        [*dask, "scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
         "--scheduler-file", str(address)], **quiet,
    )  # fmt: skip
    workers = [
        subprocess.Popen(
            [*dask, "worker", "--scheduler-file", str(address), "--nthreads", "1", "--no-nanny",
             "--no-dashboard", "--memory-limit", "500MB"], **quiet,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        end = time.monotonic() + 60
        # Dask writes the file where it is read: what has no end is not all there.
        while not (address.exists() and "}" in address.read_text()) and time.monotonic() < end:
            time.sleep(0.1)
        place = json.loads(address.read_text())["address"]
        space = lab(
            parameters={"x": list(range(20, 50)), "trouble": ["none", "memory"], "once": [True]},
            constraints=["x == 25 or trouble == 'none'"], workload={"seconds": 0.15},
        )  # fmt: skip

        def kill() -> None:
            while len(calls(tmp_path)) < 12:
                time.sleep(0.05)
            workers[0].kill()

        thread = threading.Thread(target=kill)
        thread.start()
        sweep = explore(space, tmp_path, scheduler=place)
        thread.join()
        assert len(sweep.designs) == 31 and not sweep.failures
        # Dask itself gives the dead worker's job to the other one; we what took too much memory.
        assert calls(tmp_path).count("25-1-memory") >= 2
    finally:
        for process in (*workers, head):
            process.kill()
            process.wait()


def test_a_thousand_points_take_seconds_and_runs_wait_for_nothing(
    lab: Made, tmp_path: Path
) -> None:
    """Bounds that a busy machine keeps as well; benchmarks/explore.py measures one at rest."""
    start = time.monotonic()
    space = lab(parameters={"x": list(range(20, 70)), "y": list(range(20))})
    sweep = explore(space, tmp_path / "model", workers=2)
    seconds = time.monotonic() - start
    assert len(sweep.designs) == 1000
    paced = lab(parameters={"x": list(range(20, 28))}, workload={"seconds": 1})
    load = explore(paced, tmp_path / "paced", workers=2).model_load
    print(f"1,000 points: {seconds:.1f} s; {1000 * load.overhead:.0f} ms beside each run; "
          f"{load.in_flight:.2f} of 2 in flight")  # fmt: skip
    # One run at a time would spend a second of a slot beside each.
    assert seconds < 100 and load.overhead < 0.9
