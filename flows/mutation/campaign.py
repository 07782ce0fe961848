"""Run a testbench on many mutants, and tell which test found each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import CheckFailed
from ...generators.artifacts import Build
from ..simulation.cocotb_run import run_testbench
from .mutants import FILE, Mutant
from .outcomes import Outcomes
from .worker import DONE, PLAN, Plan

__all__ = ["Campaign", "run_mutants"]


@dataclass(frozen=True)
class Campaign:
    """What a run of a testbench on many mutants gives.

    Attributes
    ----------
    killed
        The mutants that were found, with the test that did.
    alive
        The mutants under which all tests passed.
    first_result
        Cycles from reset to the first beat of an output stream of the design itself, the least of
        all tests; None if no stream gives any.
    """

    killed: list[tuple[Mutant, str]]
    alive: list[Mutant]
    first_result: int | None


def run_mutants(
    build: Build, module: str, simulator: str, mutants: Sequence[Mutant], folder: Path, *,
    seed: int, seconds: float, outcomes: Outcomes, jobs: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Campaign:  # fmt: skip
    """Run a testbench on the design and then on each mutant, up to the first test that fails.

    Parameters
    ----------
    build
        The design that reads the number of its mutant from a file.
    module
        Import name of the testbench.
    simulator
        ``verilator`` or ``icarus``.
    mutants
        What to run, in order.
    folder
        Where files go.
    seed
        Of the testbench.
    seconds
        Time from the first run on after which no further mutant begins.
    outcomes
        Those that are known are not run again; what is run is added and kept, also if this ends
        before all were run.
    jobs
        Runs at a time.
    progress
        Told how many are done.

    Raises
    ------
    CheckFailed
        If the testbench fails without any mutant, or the simulator's build does.
    """
    runs = folder / "runs"
    runs.mkdir(parents=True)
    left = [mutant.number for mutant in mutants if mutant.number not in outcomes.found]
    if left:
        plan = folder / "plan.json"
        Plan(module, [0, *left], FILE, str(runs.resolve()), seconds, jobs).write(plan)
        try:
            with _watched(runs, len(mutants) - len(left), progress):
                run_testbench(
                    build, simulator, module, folder, seed=seed,
                    before=("gatewright.flows.mutation.worker",),
                    environment={PLAN: str(plan.resolve()), "COCOTB_MAX_FAILURES": "1"},
                )  # fmt: skip
        finally:
            _add(outcomes, runs)
    failed = outcomes.found.get(0)
    if failed is not None:
        raise CheckFailed(f"the testbench must pass without a mutant, not fail: {failed}")
    tests = [(mutant, outcomes.found[mutant.number]) for mutant in mutants
             if mutant.number in outcomes.found]  # fmt: skip
    return Campaign(
        [(mutant, test) for mutant, test in tests if test is not None],
        [mutant for mutant, test in tests if test is None], outcomes.first_result,
    )


def _add(known: Outcomes, runs: Path) -> None:
    """Add the runs that have ended."""
    for done in runs.glob(f"*/{DONE}"):
        known.found[int(done.parent.name)] = json.loads(done.read_text())
    if 0 in known.found and known.first_result is None:
        known.first_result = _first_result(runs / "0" / "bench.jsonl")
    # What a testbench that fails by itself says of mutants is worth nothing.
    if known.found.get(0) is None:
        known.write()


@contextmanager
def _watched(
    runs: Path, known: int, progress: Callable[[int], None] | None
) -> Iterator[None]:
    """Tell how many runs are done beside those known, while another process does them."""
    ended = threading.Event()

    def watch() -> None:
        while progress is not None and not ended.wait(0.5):
            progress(known + max(0, len(list(runs.glob(f"*/{DONE}"))) - 1))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _first_result(records: Path) -> int | None:
    if not records.exists():
        return None
    told = [json.loads(line)["first_result"] for line in records.read_text().splitlines()]
    return min((cycle for cycle in told if cycle is not None), default=None)
