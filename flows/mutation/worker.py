"""Many runs of a testbench in one simulation process: each in a copy of it, with its own mutant.

cocotb imports this module ahead of the testbench, before the design is evaluated for the first
time. What takes long, starting Python and importing the golden model, is done by then: the process
forks once per mutant, and the copy goes on to be the simulation of that mutant. The parent waits,
ends a copy that takes too long, and writes the verdicts as results of its own, a test per mutant.
The design itself goes first, alone; then as many copies run at a time as the plan says.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import time
import xml.etree.ElementTree as ElementTree
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from ...generators.artifacts import write_json

__all__ = ["DONE", "PLAN", "RESULTS", "Plan"]

PLAN = "GATEWRIGHT_MUTANTS"
"""Variable that names the plan's file; without it this module does nothing."""

DONE = "done.json"
"""File in a mutant's folder once it has run: the test that failed, or null."""

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
    jobs
        Runs at a time.
    slowdown
        A mutant may take so many times as long as the first of the plan, and 10 s.
    """

    def __init__(
        self, testbench: str, numbers: list[int], selector: str, folder: str, seconds: float,
        jobs: int = 1, slowdown: float = 5.0,
    ) -> None:  # fmt: skip
        self.testbench = testbench
        self.numbers = numbers
        self.selector = selector
        self.folder = folder
        self.seconds = seconds
        self.jobs = jobs
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
    limit, start, jobs = _LONGEST, time.monotonic(), 1
    waiting, running = deque(plan.numbers), dict[int, _Copy]()
    while waiting or running:
        # The first one alone: how long it takes is the limit of the others.
        while waiting and len(running) < jobs:
            if time.monotonic() - start > plan.seconds:
                waiting.clear()
                break
            number = waiting.popleft()
            folder = Path(plan.folder) / str(number)
            folder.mkdir()
            child = os.fork()
            if child == 0:
                _become(folder, plan.selector, number)
                return
            running[number] = _Copy(child, folder, time.monotonic())
        for number, copy in list(running.items()):
            ended, found = copy.ended(limit)
            if not ended:
                continue
            del running[number]
            case = ElementTree.SubElement(suite, "testcase", name=str(number))
            if found is not None:
                ElementTree.SubElement(case, "failure", message=found)
            write_json(copy.folder / DONE, found)
            if number == plan.numbers[0]:
                limit = plan.slowdown * (time.monotonic() - copy.began) + _PATIENCE
                jobs = plan.jobs
                if found is not None:
                    waiting.clear()
        time.sleep(_POLL)
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


@dataclass(frozen=True)
class _Copy:
    """A copy of the process, with the simulation of a mutant."""

    process: int
    folder: Path
    began: float

    def ended(self, limit: float) -> tuple[bool, str | None]:
        """Tell whether it has ended, or has taken more than so many seconds, and the first test
        that failed, None if all passed.

        The process is ended once its results are there: threads of the simulator, which a copy has
        not got, would keep it from ending by itself.
        """
        gone, status = os.waitpid(self.process, os.WNOHANG)
        cases = _cases(self.folder / RESULTS)
        late = time.monotonic() > self.began + limit
        if not gone and (cases is not None or late):
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        if cases is not None:
            failing = [
                case.get("name", "")
                for case in cases
                if any(part.tag in ("failure", "error") for part in case)
            ]
            return True, next(iter(failing), None if cases else "simulation: no test ran")
        if gone:
            signalled = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "its end"
            return True, f"simulation: {signalled} before there were results"
        return late, f"simulation: no end after {limit:.0f} s" if late else None


def _cases(results: Path) -> list[ElementTree.Element] | None:
    """The tests in a results file, or None while it is not complete."""
    try:
        return list(ElementTree.parse(results).getroot().iter("testcase"))
    except (FileNotFoundError, ElementTree.ParseError):
        return None


if PLAN in os.environ:
    _spread(Plan.read(Path(os.environ[PLAN])))
