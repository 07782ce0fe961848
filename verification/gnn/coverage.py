"""What the runs of a test have exercised: code, tasks, and the channels of the memory."""

from __future__ import annotations

from ...generators.gnn.formats import GnnParameters, Opcode
from ..coverage import Coverage
from .memory import CROWD, Memory
from .workloads import GRAPHS, MODELS, RANDOM, Workload

__all__ = ["FAULTS", "cover", "cover_memory", "cover_units", "declare"]

FAULTS = (
    "READ_SLAVE", "READ_DECODE", "WRITE_SLAVE", "WRITE_DECODE", "RECORD", "SECTION",
    "PROGRAM_COUNTER", "INSTRUCTION", "SLOT", "OPERAND",
)  # fmt: skip
"""Why an engine stops."""

_THREADS = ("at most the threads", "more than the threads")
_UNITS = ("one at a time at most", "several at once")
_ARRIVAL = ("address first", "data first", "together")


def declare(coverage: Coverage, p: GnnParameters) -> None:
    """Declare every bin that a run of all tests should hit."""
    coverage.declare("model", MODELS)
    coverage.declare("graph", (*GRAPHS, "crowd"))
    coverage.declare("operation", (op.name for op in Opcode))
    coverage.declare("intervals under way", ("1", "2"))
    coverage.declare("fault", FAULTS)
    coverage.declare("tasks of a pass", _THREADS)
    coverage.declare("units at work", _UNITS)
    coverage.declare("reads under way", CROWD)
    coverage.declare("read and write in a cycle", ("yes",))
    coverage.declare("register write", _ARRIVAL)
    coverage.excuse(
        "axi b", ("blocked",),
        "the engine takes the answer of a write at any time: it counts them, and holds none up",
    )  # fmt: skip
    coverage.excuse(
        "axi r", ("blocked",),
        "the engine asks only for beats that it has room for; that of records is a property of "
        "`gatewright prove gnn`, interval.ahead",
    )  # fmt: skip
    if p.outstanding == 1:
        coverage.excuse("reads under way", ("several",), "the engine is built for one at a time")


def cover(coverage: Coverage, work: Workload, p: GnnParameters) -> None:
    """Count what a workload exercises."""
    for point, kind in zip(("model", "graph"), work.kinds, strict=True):
        if kind != RANDOM:
            coverage.hit(point, kind)
    for each in work.program.passes:
        coverage.hit("intervals under way", str(each.halves))
        for code in each.phases.values():
            for instruction in code:
                coverage.hit("operation", instruction.op.name)
    for told in work.told.passes:
        coverage.hit("tasks of a pass", _THREADS[told.tasks > p.threads])


def cover_units(coverage: Coverage, busy: int, cycles: int) -> None:
    """Count whether units were at work at the same time, as those of several threads are."""
    coverage.hit("units at work", _UNITS[busy > cycles])


def cover_memory(coverage: Coverage, memory: Memory) -> None:
    """Count what the channels of the memory did."""
    for name, events in memory.events.items():
        for event, times in events.items():
            coverage.hit(f"axi {name}", event, times)
    for many, times in memory.crowd.items():
        coverage.hit("reads under way", many, times)
    coverage.hit("read and write in a cycle", "yes", memory.both)
