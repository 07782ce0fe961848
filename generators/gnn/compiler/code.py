"""Code of a pass: phases one after another, then offsets, then instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ....errors import InputError
from ....hw.gnn.instruction import NO_SLOT, SCALAR, SLOTS, Opcode, Space
from ....hw.gnn.parameters import GnnParameters
from ....hw.gnn.records import Phase
from ..assembly import Instruction, Slot
from .cells import Cell, Step
from .chunks import ChunkCode
from .constants import Tables
from .dependence import arguments
from .ir import Concat, Gather, Slice, SourceScalar, Value, View
from .placement import Schedule, exponential_bits
from .shard_rows import ShardCode
from .slots import allocate, lives
from .timestamps import ROUNDS, destination_roots

__all__ = ["OUTPUT", "PassCode", "pass_code"]

_CHUNKS = (Phase.SCATTER, Phase.APPLY0, Phase.APPLY1)
_SHARDS = (Phase.GATHER0, Phase.GATHER1)

OUTPUT = "output"
"""Name of the tensor of the network's output."""


@dataclass(frozen=True, eq=False)
class PassCode:
    """A pass without the sizes of its tasks.

    Attributes
    ----------
    phases, slots, slot_names, tables, exp_bits
        As in `Pass`.
    gathers
        Of either round.
    accumulator_stride, chunk_stride, source_stride, edge_stride
        Words of a row.
    """

    phases: Mapping[Phase, tuple[Instruction, ...]]
    slots: tuple[Slot, ...]
    slot_names: tuple[str, ...]
    tables: Tables
    exp_bits: int
    gathers: tuple[tuple[Gather, ...], ...]
    accumulator_stride: int
    chunk_stride: int
    source_stride: tuple[int, int]
    edge_stride: tuple[int, int]

    @property
    def scalars(self) -> tuple[SourceScalar | None, ...]:
        """Scalars of the sources of either round."""
        return tuple(
            next((g.scale for g in gathers if isinstance(g.scale, SourceScalar)), None)
            for gathers in self.gathers
        )


def pass_code(
    plan: Schedule, number: int, p: GnnParameters, tensor: Callable[[Value], str]
) -> PassCode:
    """Return the code of a pass.

    Parameters
    ----------
    plan
        Who computes what.
    number
        Of the pass in the plan.
    p
        Of the engine.
    tensor
        Name of the tensor that holds a value.

    Raises
    ------
    InputError
        If an engine's tables are too small for it.
    """
    code = _Code(plan, number, p, tensor)
    steps = code.steps()
    strides = _offsets(steps)
    table = _SlotTable(steps)
    phases = {phase: table.lower(each, code.tables) for phase, each in steps.items() if each}
    name = f"pass {number}"
    code.tables.check(name)
    for field, have, most in (
        ("slots", len(table.slots), SLOTS),
        ("instructions", sum(map(len, phases.values())), p.instructions),
    ):
        if have > most:
            raise InputError(f"{field} of {name} must be at most {most}, not {have}")
    bits = exponential_bits(each for gathers in code.gathers for each in gathers)
    return PassCode(
        phases, tuple(table.slots), tuple(table.names), code.tables,
        next(iter(bits.values()), 0), code.gathers, strides[Space.ACCUMULATOR, None],
        max(strides[Space.LOCAL, phase] for phase in _CHUNKS),
        (strides[Space.LOCAL, _SHARDS[0]], strides[Space.LOCAL, _SHARDS[1]]),
        (strides[Space.EDGE, _SHARDS[0]], strides[Space.EDGE, _SHARDS[1]]),
    )  # fmt: skip


class _Code:
    """Steps of the phases of a pass."""

    def __init__(
        self, plan: Schedule, number: int, p: GnnParameters, tensor: Callable[[Value], str]
    ) -> None:
        self._plan, self._number, self._p, self._tensor = plan, number, p, tensor
        self.tables = Tables(p)
        self._accumulators: dict[Value, Cell] = {}
        here = [v for v in plan.values if plan.at.get(v, (-1, 0))[0] == number]
        self._ops = [
            [v for v in here if plan.at[v][1] == phase and not isinstance(v, Gather)]
            for phase in range(len(_CHUNKS))
        ]
        self.gathers = tuple(
            tuple(v for v in plan.values if isinstance(v, Gather) and plan.rounds.get(v) == at)
            for at in ((number, round_) for round_ in range(ROUNDS))
        )
        self._scatters = [
            list(dict.fromkeys(v for g in gathers for v in destination_roots(g)))
            for gathers in self.gathers
        ]
        output = plan.output_at[0] == number
        self._output_phase = plan.output_at[1] if output else None

    def steps(self) -> dict[Phase, list[Step]]:
        """Return the code of each phase, empty where there is none."""
        result = {}
        for phase in range(len(_CHUNKS)):
            result[_CHUNKS[phase]] = self._chunk(phase)
            if phase < ROUNDS:
                result[_SHARDS[phase]] = self._shards(phase)
        return {phase: result[phase] for phase in Phase}

    def _chunk(self, phase: int) -> list[Step]:
        plan, number = self._plan, self._number
        code = ChunkCode(
            self._p, self.tables, self._tensor, self._accumulators,
            lambda value: plan.readable(value, number),
        )  # fmt: skip
        scatters = self._scatters[phase] if phase < ROUNDS else []
        stores_output = phase == self._output_phase
        for value in self._ops[phase]:
            for each in arguments(value):
                code.plan(each)
        for each in (*scatters, *((plan.output,) if stores_output else ())):
            code.plan(each)
        kept = self._kept(phase)
        for value in self._ops[phase]:
            code.run([value])
            if value in kept:
                code.keep(value)
            if value in plan.stored:
                code.store(value, self._tensor(value))
            if stores_output and value is plan.output:
                code.store(value, OUTPUT)
        if stores_output and plan.output not in self._ops[phase]:
            code.store(plan.output, OUTPUT)
        for each in scatters:
            code.keep(each)
        for gather in self._fills(phase):
            code.fill(gather)
        return code.steps

    def _kept(self, phase: int) -> set[Value]:
        """Return values of a phase that later phases of the pass need."""
        later: set[Value] = set()
        for ops in self._ops[phase + 1 :]:
            later.update(_seen(each for value in ops for each in arguments(value)))
        for round_ in range(phase, ROUNDS):
            later.update(_seen(self._scatters[round_]))
        if self._output_phase is not None and self._output_phase > phase:
            later.update(_seen([self._plan.output]))
        return later

    def _fills(self, phase: int) -> list[Gather]:
        """Return the gathers whose start a phase sets: the last one with code before the round."""
        between = bool(self._ops[1]) or any(map(self._is_loaded, self._scatters[1]))
        if phase == 0:
            return [*self.gathers[0], *(() if between else self.gathers[1])]
        return list(self.gathers[1]) if phase == 1 and between else []

    def _is_loaded(self, value: Value) -> bool:
        """Whether the phase before round 1 must load a destinations' value for it."""
        while isinstance(value, Slice):
            value = value.a
        fresh = isinstance(value, Concat) or self._plan.readable(value, self._number)
        return fresh and value not in self._scatters[0]

    def _shards(self, round_: int) -> list[Step]:
        plan = self._plan
        code = ShardCode(
            self._p, self.tables, self._tensor, self._accumulators,
            lambda value: plan.readable(value, self._number),
        )  # fmt: skip
        code.run(self.gathers[round_])
        return code.steps


def _seen(values: Iterable[Value]) -> list[Value]:
    """Return values, and what is behind views."""
    stack, result = list(values), []
    while stack:
        value = stack.pop()
        result.append(value)
        if isinstance(value, View):
            stack += arguments(value)
    return result


def _offsets(steps: Mapping[Phase, list[Step]]) -> dict[tuple[Space, Phase | None], int]:
    """Give all cells their offsets; return strides, of the accumulators for all phases at once."""
    strides: dict[tuple[Space, Phase | None], int] = {}
    sequence: list[Step] = []
    together: list[tuple[int, int]] = []
    for phase in Phase:
        first = len(sequence)
        sequence += steps[phase]
        if phase in _SHARDS and steps[phase]:
            together.append((first, len(sequence) - 1))
        for space in (Space.LOCAL, Space.EDGE):
            strides[space, phase] = allocate(lives(steps[phase], space))
    strides[Space.ACCUMULATOR, None] = allocate(lives(sequence, Space.ACCUMULATOR, together))
    return strides


class _SlotTable:
    """Slots of a pass: one for each cell while there are enough, else equal ones are one."""

    def __init__(self, steps: Mapping[Phase, list[Step]]) -> None:
        self.slots: list[Slot] = []
        self.names: list[str] = []
        self._numbers: dict[Cell, int] = {}
        cells = dict.fromkeys(c for each in steps.values() for step in each for c in step.cells)
        shared = len(cells) > SLOTS
        for cell in cells:
            slot = Slot(cell.space, cell.type, cell.place, cell.elements, cell.columns)
            if not shared or slot not in self.slots:
                self._numbers[cell] = len(self.slots)
                self.slots.append(slot)
                self.names.append(_free(cell.name, self.names))
            else:
                self._numbers[cell] = self.slots.index(slot)

    def number(self, cell: Cell | None) -> int:
        """Return the number of a cell's slot."""
        return NO_SLOT if cell is None else self._numbers[cell]

    def lower(self, steps: list[Step], tables: Tables) -> tuple[Instruction, ...]:
        """Return the instructions of a phase."""
        result = [self._instruction(step, tables) for step in steps]
        return (*result, Instruction(Opcode.END))

    def _instruction(self, step: Step, tables: Tables) -> Instruction:
        imm = step.imm
        if step.r is not None:
            imm = imm & 0xFFFF | self.number(step.r) << 18
        return Instruction(
            step.op,
            d=self.number(step.d),
            a=self.number(step.a),
            b=SCALAR if step.scalar else self.number(step.b),
            c=self.number(step.c) if step.tensor is None else tables.tensor(step.tensor),
            k=step.k if step.by is None else tables.constant(step.by),
            flags=step.flags,
            imm=imm,
        )


def _free(name: str, taken: list[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}.{count}"
    return candidate
