"""Many runs of a testbench in one simulation process: each in a copy of it, with its own mutant.

cocotb imports this module ahead of the testbench, before the design is evaluated for the first
time. What takes long, starting Python and importing the golden model, is done by then: the process
forks once per mutant, and the copy goes on to be the simulation of that mutant. The parent waits,
ends a copy that takes too long, and writes the verdicts as results of its own, a test per mutant.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

__all__ = ["DONE", "PLAN", "RESULTS", "Plan"]

PLAN = "GATEWRIGHT_MUTANTS"
"""Variable that names the plan's file; without it this module does nothing."""

DONE = "done"
"""File in a mutant's folder once it has run."""

RESULTS = "results.xml"

_POLL = 0.005
_PATIENCE = 10.0
_LONGEST = 3600.0
"""Seconds for the first, whose time those of the others follow from."""


class Plan:
    """What to run.

    Attributes
    ----------
    testbench
        Import name.
    numbers
        Of the mutants, in order; 0 is the design itself.
    selector
        Name of the file that a simulation reads its number from.
    folder
        Where each has a folder of its own: ``folder/NUMBER``.
    seconds
        Time from the first on after which no further one begins: what a build takes does not count.
    slowdown
        A mutant may take so many times as long as the first of the plan, and 10 s.
    """

    def __init__(
        self, testbench: str, numbers: list[int], selector: str, folder: str, seconds: float,
        slowdown: float = 5.0,
    ) -> None:  # fmt: skip
        self.testbench = testbench
        self.numbers = numbers
        self.selector = selector
        self.folder = folder
        self.seconds = seconds
        self.slowdown = slowdown

    def write(self, path: Path) -> None:
        """Keep the plan in a file."""
        path.write_text(json.dumps(vars(self)))

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Return the plan of a file."""
        return cls(**json.loads(path.read_text()))


def _spread(plan: Plan) -> None:
    """Return in a copy of the process for each mutant; the process itself ends here."""
    importlib.import_module(plan.testbench)
    results = os.environ["COCOTB_RESULTS_FILE"]
    suite = ElementTree.Element("testsuite", name="mutants")
    limit, start = _LONGEST, time.monotonic()
    for number in plan.numbers:
        if time.monotonic() - start > plan.seconds:
            break
        folder = Path(plan.folder) / str(number)
        folder.mkdir()
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _become(folder, plan.selector, number)
            return
        found = _wait(child, folder / RESULTS, limit)
        if limit == _LONGEST:
            limit = plan.slowdown * (time.monotonic() - began) + _PATIENCE
        case = ElementTree.SubElement(suite, "testcase", name=str(number))
        if found is not None:
            ElementTree.SubElement(case, "failure", message=found)
        (folder / DONE).touch()
        if number == 0 and found is not None:
            break
    ElementTree.ElementTree(suite).write(results)
    # Neither cocotb nor the simulator may go on in the parent.
    os._exit(0)


def _become(folder: Path, selector: str, number: int) -> None:
    os.chdir(folder)
    Path(selector).write_text(f"{number:x}\n")
    os.environ["GATEWRIGHT_OUT"] = str(folder)
    os.environ["COCOTB_RESULTS_FILE"] = str(folder / RESULTS)
    log = os.open("sim.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _wait(child: int, results: Path, limit: float) -> str | None:
    """Wait for the first failure in a process's results, and return it; None if all passed.

    The process is ended once its results are there: threads of the simulator, which a copy has
    not got, would keep it from ending by itself.
    """
    end = time.monotonic() + limit
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        cases = _cases(results)
        if not ended and (cases is not None or time.monotonic() > end):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if cases is not None:
            failing = [
                case.get("name", "")
                for case in cases
                if any(part.tag in ("failure", "error") for part in case)
            ]
            return next(iter(failing), None if cases else "simulation: no test ran")
        if ended:
            signalled = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "its end"
            return f"simulation: {signalled} before there were results"
        if time.monotonic() > end:
            return f"simulation: no end after {limit:.0f} s"
        time.sleep(_POLL)


def _cases(results: Path) -> list[ElementTree.Element] | None:
    """The tests in a results file, or None while it is not complete."""
    try:
        return list(ElementTree.parse(results).getroot().iter("testcase"))
    except (FileNotFoundError, ElementTree.ParseError):
        return None


if PLAN in os.environ:
    _spread(Plan.read(Path(os.environ[PLAN])))
