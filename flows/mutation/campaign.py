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
    seed: int, seconds: float, progress: Callable[[int], None] | None = None,
) -> Campaign:
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
    progress
        Told how many are done.

    Raises
    ------
    CheckFailed
        If the testbench fails without any mutant, or the simulator's build does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = folder / "runs"
    runs.mkdir()
    numbers = [0, *(mutant.number for mutant in mutants)]
    plan = folder / "plan.json"
    Plan(module, numbers, FILE, str(runs.resolve()), seconds).write(plan)
    with _watched(runs, progress):
        outcome = run_testbench(
            build, simulator, module, folder, seed=seed,
            before=("gatewright.flows.mutation.worker",),
            environment={PLAN: str(plan.resolve()), "COCOTB_MAX_FAILURES": "1"},
        )  # fmt: skip
    found = {int(test.name): test for test in outcome.tests}
    if 0 in found and found[0].verdict == "fail":
        raise CheckFailed(
            f"the testbench must pass without a mutant, not fail: {found[0].message}"
        )
    by_number = {mutant.number: mutant for mutant in mutants}
    killed, alive = [], []
    for number, test in found.items():
        if number and test.verdict == "fail":
            killed.append((by_number[number], test.message))
        elif number:
            alive.append(by_number[number])
    return Campaign(killed, alive, _first_result(runs / "0" / "bench.jsonl"))


@contextmanager
def _watched(runs: Path, progress: Callable[[int], None] | None) -> Iterator[None]:
    """Tell how many runs are done, while another process does them."""
    ended = threading.Event()

    def watch() -> None:
        while progress is not None and not ended.wait(0.5):
            progress(max(0, len(list(runs.glob(f"*/{DONE}"))) - 1))

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
