"""Cycles that the engine takes beside those in which its units are busy."""

from __future__ import annotations

from dataclasses import dataclass

from ...hw.gnn.instruction import Opcode

__all__ = ["Timing"]


@dataclass(frozen=True)
class Timing:
    """Fixed parts of the time, in cycles.

    Attributes
    ----------
    latency
        Of the memory: from an address to its first beat, and from a last beat to the answer.
    task
        From a free thread to its first instruction; tasks follow at this distance.
    fetch, issue, end
        From a thread that can go on to its instruction; of the issue logic for an instruction,
        and as many more as it has slots; for END.
    read, read_end
        From a request to its address on the bus; from its last beat to the thread going on.
    read_again
        From the first beat of a burst to an address that waited because as many bursts were
        under way as there may be.
    write, write_end
        From a request to its first word read; from its last one to the thread going on.
    sparse, edge, element, reciprocal
        In which the vector unit has a job beyond those in which it is busy.
    matrix, matrix_end
        From a job to its first busy cycle, and R more; from its last one to the thread going on,
        and the skew of the columns more.
    record
        For taking a pass record apart.
    """

    latency: int = 40
    task: int = 7
    fetch: int = 5
    issue: int = 7
    end: int = 2
    read: int = 17
    read_end: int = 3
    read_again: int = 5
    write: int = 9
    write_end: int = 4
    sparse: int = 16
    edge: int = 27
    element: int = 16
    reciprocal: int = 28
    matrix: int = 2
    matrix_end: int = 17
    record: int = 32

    def of_vector(self, op: Opcode) -> int:
        """Return the cycles beyond the busy ones of a job of the vector unit."""
        match op:
            case Opcode.SPSUM | Opcode.SPMAX:
                return self.sparse
            case Opcode.EDGE:
                return self.edge
            case Opcode.RECIP:
                return self.reciprocal
            case _:
                return self.element
