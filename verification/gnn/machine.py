"""The engine as a program: byte-accurate memories, instructions one after the other.

It reads an image as the engine does, carries out tasks in an order that an engine could take, and
writes the image's memory. Instructions of threads interleave at random where a seed is given, else
round robin; results cannot depend on it. Memories keep what earlier tasks left there.

Counters are those of the engine: occupancies of units, tasks, instructions; see `occupancy.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...generators.gnn.codes import Integers, put_input, take_output
from ...generators.gnn.formats import BLOCK_BYTES, PASS_BYTES, GnnParameters, Opcode, Phase
from ...generators.gnn.image import Image, build_image
from ...generators.gnn.occupancy import Task, Unit, list_beats, occupancy
from ...generators.gnn.program import Program
from .execution import TaskContext, Thread
from .image_reader import Bytes, PassImage, read_lists, read_pass

__all__ = ["Counters", "Machine", "simulate"]

_ENDED = object()
_GATHERS = (Phase.GATHER0, Phase.GATHER1)


@dataclass
class Counters:
    """What a run did.

    Attributes
    ----------
    busy
        Occupancy of each unit in cycles, lists of shards included.
    tasks, instructions
        Done; END counts as an instruction.
    """

    busy: dict[Unit, int] = field(default_factory=lambda: dict.fromkeys(Unit, 0))
    tasks: int = 0
    instructions: int = 0


@dataclass
class _Interval:
    """An interval under way."""

    record: np.void
    half: int
    phases: list[Phase]
    next: int = 0
    running: int = 0


class Machine:
    """An engine.

    Parameters
    ----------
    parameters
        Its sizes; ``threads`` may be given apart.
    threads
        Threads, or those of the parameters.
    seed
        Of the interleaving and of what memories hold at first; None: round robin, and zeros.
    """

    def __init__(
        self, parameters: GnnParameters, *, threads: int | None = None, seed: int | None = None
    ) -> None:
        self.parameters = p = parameters
        self.counters = Counters()
        self._random = None if seed is None else np.random.default_rng(seed)
        fill: Callable[[tuple[int, ...]], NDArray[np.uint8]] = (
            (lambda shape: np.zeros(shape, np.uint8)) if self._random is None
            else (lambda shape: np.random.default_rng(seed).integers(0, 256, shape, np.uint8))
        )  # fmt: skip
        self.accumulators = (
            fill((p.accumulator_words, 4 * p.lanes)).view("<i4").astype(np.int64)
        )
        self.threads = [
            Thread(p, fill((p.local_words, p.lanes)), fill((p.edge_words, p.lanes)))
            for _ in range(threads or p.threads)
        ]

    def run(
        self, image: Image, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> None:
        """Run all passes of an image on its memory.

        Parameters
        ----------
        image
            Changed in place.
        progress
            Told intervals done and their number, over all passes.

        Raises
        ------
        InputError
            If the image asks for what an engine would refuse.
        """
        address = image.pass_block * BLOCK_BYTES
        passes = [
            read_pass(image.memory, address + i * PASS_BYTES, self.parameters)
            for i in range(image.passes)
        ]
        total = sum(len(each.intervals) for each in passes)
        done = 0
        for each in passes:
            for _ in self._pass(image.memory, each):
                done += 1
                progress(done, total)

    def _pass(self, memory: Bytes, each: PassImage) -> Iterator[None]:
        """Run a pass; yields after each interval."""
        if each.halves not in (1, 2):
            raise InputError(f"halves of a pass must be 1 or 2, not {each.halves}")
        waiting = iter(each.intervals)
        halves = list(range(each.halves))
        active: list[_Interval] = []
        running: dict[int, tuple[_Interval, Iterator[None]]] = {}
        turn = 0
        while True:
            for interval in [each_ for each_ in active if not each_.phases]:
                active.remove(interval)
                halves.append(interval.half)
                yield
            while halves and (record := next(waiting, None)) is not None:
                interval = _Interval(record, halves.pop(0), sorted(each.pc, key=lambda x: x.value))
                active.append(interval)
                self._skip(each, interval)
            if not active:
                return
            idle = [i for i in range(len(self.threads)) if i not in running]
            for interval in active:
                while idle and self._left(each, interval):
                    index = idle.pop(0)
                    running[index] = (interval, self._task(memory, each, interval, index))
            if not running:
                continue
            turn = self._choose(sorted(running), turn)
            interval, steps = running[turn]
            if next(steps, _ENDED) is _ENDED:
                del running[turn]
                interval.running -= 1
                self._skip(each, interval)

    def _choose(self, threads: list[int], last: int) -> int:
        if self._random is not None:
            return int(self._random.choice(threads))
        return next((each for each in threads if each > last), threads[0])

    def _count(self, each: PassImage, interval: _Interval) -> int:
        phase = interval.phases[0]
        if phase in _GATHERS:
            return int(interval.record["shards"]["count"][_GATHERS.index(phase)])
        return -(-int(interval.record["rows"]) // each.chunk_rows)

    def _left(self, each: PassImage, interval: _Interval) -> bool:
        return bool(interval.phases) and interval.next < self._count(each, interval)

    def _skip(self, each: PassImage, interval: _Interval) -> None:
        """Open the next phase that has a task, if the present one is done."""
        while interval.phases and not interval.running and not self._left(each, interval):
            del interval.phases[0]
            interval.next = 0

    def _task(
        self, memory: Bytes, each: PassImage, interval: _Interval, index: int
    ) -> Iterator[None]:
        phase, number = interval.phases[0], interval.next
        interval.next += 1
        interval.running += 1
        return self._steps(memory, each, interval, index, phase, number)

    def _steps(
        self, memory: Bytes, each: PassImage, interval: _Interval, index: int, phase: Phase,
        number: int,
    ) -> Iterator[None]:  # fmt: skip
        """Carry out a task; yields after each instruction but END."""
        p, counters = self.parameters, self.counters
        record = interval.record
        part = p.accumulator_words // each.halves * interval.half
        if phase in _GATHERS:
            round_ = _GATHERS.index(phase)
            lists = read_lists(
                memory, each, int(record["shards"]["first"][round_]) + number, round_, p
            )
            rows, first, base = len(lists.sources), 0, part
            stride, edge_stride = each.source_stride[round_], each.edge_stride[round_]
            runs = len(np.unique(lists.dst))
            size = Task(rows, len(lists.dst), runs)
            beats = list_beats(rows, 4, p) + list_beats(len(lists.dst), 4, p)
            beats += list_beats(rows, 2, p) if lists.scalars is not None else 0
            counters.busy[Unit.READ] += beats
        else:
            low = number * each.chunk_rows
            rows = min(each.chunk_rows, int(record["rows"]) - low)
            lists, first = None, int(record["first"]) + low
            base = part + low * each.accumulator_stride
            stride, edge_stride = each.chunk_stride, 0
            size = Task(rows)
        context = TaskContext(
            each, memory, self.accumulators, rows, first, base, stride, edge_stride, lists
        )
        counters.tasks += 1
        pc = each.pc[phase]
        while True:
            if pc >= len(each.code):
                raise InputError(f"code of phase {phase.name} must end with END, not run on")
            instruction = each.code[pc]
            counters.instructions += 1
            if instruction.op is Opcode.END:
                return
            unit, cycles = occupancy(instruction, each.slots, p, size)
            counters.busy[unit] += cycles
            self.threads[index].execute(instruction, context)
            pc += 1
            yield


def simulate(
    program: Program, codes: Integers, *, threads: int | None = None, seed: int | None = None
) -> tuple[Integers, Counters]:
    """Return the output codes of a program for input codes, both by vertex, and the counters."""
    image = build_image(program)
    put_input(program, image, codes)
    machine = Machine(program.parameters, threads=threads, seed=seed)
    machine.run(image)
    return take_output(program, image), machine.counters
