"""What an instruction does to the memories of its thread, to the accumulators and to the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...generators.gnn.assembly import Instruction, Slot, edge_parts
from ...generators.gnn.formats import (
    BLOCK_BYTES,
    FLAG_MAX,
    FLAG_ONE,
    FLAG_RELU,
    NO_SLOT,
    SCALAR,
    ElementType,
    GnnParameters,
    Opcode,
    Space,
)
from ...generators.gnn.occupancy import element_step, row_beats
from ...golden.gnn.fixed import EMPTY, leaky_relu, matmul, wrap32
from .image_reader import Bytes, PassImage, ShardLists
from .operations import (
    Integers,
    binary,
    edge_values,
    narrowed,
    reciprocals,
    requantized,
    requantized_rows,
)

__all__ = ["TaskContext", "Thread"]

_DTYPES = {ElementType.I8: "i1", ElementType.I16: "<i2", ElementType.I32: "<i4"}
_SIZES = {ElementType.I8: 1, ElementType.I16: 2, ElementType.I32: 4}
_BINARY = {Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY}


@dataclass(frozen=True, eq=False)
class TaskContext:
    """A task: its rows, and where they are.

    Attributes
    ----------
    image
        The pass.
    memory
        Of the image.
    accumulators
        int64 [words, lanes].
    rows, first
        Rows, and the place of the first one in tensors (chunks).
    base
        Accumulator word of row 0: of the chunk, or of the interval in shards.
    stride, edge_stride
        Words from a row to the next, in local and in edge memory.
    lists
        Of the shard; None in chunks.
    """

    image: PassImage
    memory: Bytes
    accumulators: Integers
    rows: int
    first: int
    base: int
    stride: int
    edge_stride: int
    lists: ShardLists | None


class Thread:
    """A thread's memories: u8 [words, lanes] each."""

    def __init__(self, p: GnnParameters, local: Bytes, edge: Bytes) -> None:
        self._p, self._local, self._edge = p, local, edge

    def execute(self, instruction: Instruction, task: TaskContext) -> None:
        """Carry out an instruction other than END."""
        match instruction.op:
            case Opcode.LDV:
                self._load(instruction, task)
            case Opcode.STV:
                self._store(instruction, task)
            case Opcode.MM:
                self._multiply(instruction, task)
            case Opcode.SPSUM | Opcode.SPMAX:
                self._gather(instruction, task)
            case Opcode.EDGE:
                self._edges(instruction, task)
            case _:
                self._elementwise(instruction, task)

    # Rows of a slot.

    def _words(self, slot: Slot, task: TaskContext, rows: NDArray[np.int64], width: int,
               ) -> tuple[Bytes, NDArray[np.int64]]:  # fmt: skip
        """Return the memory of a local or edge slot, and the words of rows, [rows, words]."""
        edge = slot.space is Space.EDGE
        memory = self._edge if edge else self._local
        stride = task.edge_stride if edge else task.stride
        count = -(-width * _SIZES[slot.type] // self._p.lanes)
        words = (rows * stride + slot.offset)[:, None] + np.arange(count)
        if words.size and words.max() >= len(memory):
            raise InputError(
                f"words of {slot.space.name} must be below {len(memory)}, not {words.max()}"
            )
        return memory, words

    def _read(
        self, slot: Slot, task: TaskContext, width: int, rows: NDArray[np.int64]
    ) -> Integers:
        """Return elements 0..width - 1 of rows."""
        if slot.space is Space.ACCUMULATOR:
            words = self._accumulator_words(slot, task, width, rows)
            return task.accumulators[words].reshape(len(rows), words.shape[1] * self._p.lanes)[
                :, :width
            ]
        memory, words = self._words(slot, task, rows, width)
        raw = memory[words].reshape(len(rows), words.shape[1] * self._p.lanes)
        return raw.view(_DTYPES[slot.type])[:, :width].astype(np.int64)

    def _write(
        self, slot: Slot, task: TaskContext, values: Integers, rows: NDArray[np.int64]
    ) -> None:
        width = values.shape[1]
        if slot.space is Space.ACCUMULATOR:
            words = self._accumulator_words(slot, task, width, rows)
            lanes = self._p.lanes
            for i in range(words.shape[1]):
                part = values[:, i * lanes : (i + 1) * lanes]
                task.accumulators[words[:, i], : part.shape[1]] = part
            return
        memory, words = self._words(slot, task, rows, width)
        data = np.ascontiguousarray(values.astype(_DTYPES[slot.type])).view(np.uint8)
        lanes = self._p.lanes
        for i in range(words.shape[1]):
            piece = data[:, i * lanes : (i + 1) * lanes]
            memory[words[:, i], : piece.shape[1]] = piece

    def _accumulator_words(
        self, slot: Slot, task: TaskContext, width: int, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        count = -(-width // self._p.lanes)
        words = (task.base + rows * task.image.accumulator_stride + slot.offset)[:, None]
        words = words + np.arange(count)
        if words.size and words.max() >= len(task.accumulators):
            raise InputError(
                f"words of ACCUMULATOR must be below {len(task.accumulators)}, not {words.max()}"
            )
        return words

    # Memory.

    def _bytes_of(self, slot: Slot) -> int:
        return row_beats(slot, self._p) * int(self._p.bus_bytes)

    def _tensor_rows(self, instruction: Instruction, task: TaskContext) -> tuple[int, int]:
        tensors = task.image.tensors
        if instruction.c >= len(tensors):
            raise InputError(f"tensor must be below {len(tensors)}, not {instruction.c}")
        block, stride = tensors[instruction.c]
        return block * BLOCK_BYTES, stride

    def _load(self, instruction: Instruction, task: TaskContext) -> None:
        slot = task.image.slots[instruction.d]
        base, stride = self._tensor_rows(instruction, task)
        if instruction.flags & FLAG_ONE:
            places = np.zeros(1, np.int64)
        elif task.lists is not None:
            places = task.lists.sources
        else:
            places = task.first + np.arange(task.rows)
        size = self._bytes_of(slot)
        at = (base + places * stride)[:, None] + np.arange(size)
        if at.size and at.max() >= len(task.memory):
            raise InputError(
                f"an address of the image must be below {len(task.memory)}, not {at.max()}"
            )
        memory, words = self._words(
            slot, task, np.arange(len(places)), -(-size // _SIZES[slot.type])
        )
        data = task.memory[at]
        for i in range(words.shape[1]):
            part = data[:, i * self._p.lanes : (i + 1) * self._p.lanes]
            memory[words[:, i], : part.shape[1]] = part

    def _store(self, instruction: Instruction, task: TaskContext) -> None:
        if task.lists is not None:
            raise InputError("STV must be in a phase of chunks, not of shards")
        slot = task.image.slots[instruction.a]
        base, stride = self._tensor_rows(instruction, task)
        size = self._bytes_of(slot)
        memory, words = self._words(
            slot, task, np.arange(task.rows), -(-size // _SIZES[slot.type])
        )
        data = memory[words].reshape(task.rows, -1)[:, :size]
        at = (base + (task.first + np.arange(task.rows)) * stride)[:, None] + np.arange(size)
        task.memory[at] = data

    # Matrix unit.

    def _multiply(self, instruction: Instruction, task: TaskContext) -> None:
        p, image = self._p, task.image
        d, a, b = (image.slots[i] for i in (instruction.d, instruction.a, instruction.b))
        k_tiles, n_tiles = -(-b.elements // p.rows), -(-b.columns // p.columns)
        rows = np.arange(task.rows)
        x = self._read(a, task, k_tiles * p.rows, rows)
        tiles = image.weights[b.offset : b.offset + n_tiles * k_tiles * p.rows]
        if len(tiles) < n_tiles * k_tiles * p.rows:
            raise InputError(f"weights must be below word {len(image.weights)}, not beyond")
        w = tiles.reshape(n_tiles, k_tiles * p.rows, p.columns).transpose(1, 0, 2)
        bias = image.bias[instruction.imm : instruction.imm + n_tiles].reshape(-1)
        total = matmul(x, w.reshape(k_tiles * p.rows, -1).astype(np.int64)) + bias
        self._write(d, task, self._finished(instruction, wrap32(total), task, d), rows)

    def _finished(
        self, instruction: Instruction, values: Integers, task: TaskContext, d: Slot
    ) -> Integers:
        constants = task.image.constants
        if instruction.k >= len(constants):
            raise InputError(f"constant must be below {len(constants)}, not {instruction.k}")
        values = requantized(values, constants[instruction.k], d.type)
        return np.maximum(values, 0) if instruction.flags & FLAG_RELU else values

    # Edges.

    def _gather(self, instruction: Instruction, task: TaskContext) -> None:
        p, image, lists = self._p, task.image, self._lists(instruction, task)
        d, a = image.slots[instruction.d], image.slots[instruction.a]
        width = -(-a.elements // p.lanes) * p.lanes
        values = self._read(a, task, width, np.arange(task.rows))[lists.src]
        if instruction.op is Opcode.SPSUM and instruction.b == SCALAR:
            if lists.scalars is None:
                raise InputError("scalars of sources must be in the shard, not absent")
            values = values * lists.scalars[lists.src, None]
        elif instruction.op is Opcode.SPSUM and instruction.b != NO_SLOT:
            if instruction.k == 0 and width > p.score_lanes:
                raise InputError(
                    f"k of SPSUM must be at least 1 for {width} columns, not 0: heads of one column"
                    f" must be in a word of {p.score_lanes}"
                )
            heads = self._heads(instruction, width)
            b = image.slots[instruction.b]
            scores = self._read(b, task, int(heads.max()) + 1, np.arange(len(lists.dst)))
            values = values * scores[:, heads]
        self._reduce(d, task, lists, values, maximum=instruction.op is Opcode.SPMAX)

    def _reduce(
        self, d: Slot, task: TaskContext, lists: ShardLists, values: Integers, *, maximum: bool
    ) -> None:
        if not len(lists.dst):
            return
        starts = np.flatnonzero(np.concatenate([[True], lists.dst[1:] != lists.dst[:-1]]))
        rows = lists.dst[starts]
        old = self._read(d, task, values.shape[1], rows)
        if maximum:
            new = np.maximum(old, np.maximum.reduceat(values, starts, axis=0))
        else:
            new = wrap32(old + np.add.reduceat(values, starts, axis=0))
        self._write(d, task, new, rows)

    def _edges(self, instruction: Instruction, task: TaskContext) -> None:
        image, lists = task.image, self._lists(instruction, task)
        slope, r = edge_parts(instruction.imm)
        d, a, b, c, r_slot = (
            None if number == NO_SLOT else image.slots[number]
            for number in (instruction.d, instruction.a, instruction.b, instruction.c, r)
        )
        first = next((each for each in (a, d, b, c, r_slot) if each is not None), None)
        if first is None:
            return
        width = -(-first.elements // self._p.score_lanes) * self._p.score_lanes
        edges = np.arange(len(lists.dst))
        if a is None:
            values = np.zeros((len(edges), width), np.int64)
        elif a.space is Space.EDGE:
            values = self._read(a, task, width, edges)
        else:
            values = self._read(a, task, width, np.arange(task.rows))[lists.src]
        target, peak = (
            None if slot is None else self._read(slot, task, width, lists.dst) for slot in (b, c)
        )
        values = edge_values(values, target, slope, peak, image.exponentials)
        if d is not None:
            self._write(d, task, values, edges)
        if r_slot is not None:
            self._reduce(
                r_slot, task, lists, values, maximum=bool(instruction.flags & FLAG_MAX)
            )

    @staticmethod
    def _heads(instruction: Instruction, width: int) -> Integers:
        """Return the head of each column; with k = 15 all are one."""
        columns = np.arange(width)
        return columns * 0 if instruction.k == 15 else columns >> instruction.k

    @staticmethod
    def _lists(instruction: Instruction, task: TaskContext) -> ShardLists:
        if task.lists is None:
            raise InputError(f"{instruction.op.name} must be in a phase of shards, not of chunks")
        return task.lists

    # Elements.

    def _elementwise(self, instruction: Instruction, task: TaskContext) -> None:
        op, image, p = instruction.op, task.image, self._p
        d = image.slots[instruction.d]
        if op is Opcode.RECIP:
            rows = np.arange(task.rows)
            a = self._read(image.slots[instruction.a], task, d.elements, rows)
            self._write(d, task, reciprocals(a), rows)
            return
        count = task.rows
        if d.space is Space.EDGE:
            count = len(self._lists(instruction, task).dst)
        elif task.lists is not None and d.space is Space.ACCUMULATOR:
            raise InputError(f"{op.name} must not write ACCUMULATOR in a phase of shards")
        rows = np.arange(count)
        names = "" if op is Opcode.FILL else "ab" if op in _BINARY else "a"
        slots = [image.slots[getattr(instruction, name)] for name in names]
        step = element_step([d, *slots], p)
        width = -(-d.elements // step) * step
        operands = [self._read(slot, task, width, rows) for slot in slots[:1]]
        if op in _BINARY:
            once = instruction.flags & FLAG_ONE
            operands.append(self._read(slots[1], task, width, rows * 0 if once else rows))
        self._write(d, task, self._result(instruction, task, d, operands, width, rows), rows)

    def _result(
        self, instruction: Instruction, task: TaskContext, d: Slot, operands: list[Integers],
        width: int, rows: NDArray[np.int64],
    ) -> Integers:  # fmt: skip
        op, imm, image = instruction.op, instruction.imm, task.image
        match op:
            case Opcode.FILL:
                return narrowed(np.full((len(rows), width), imm, np.int64), d.type)
            case Opcode.ADD | Opcode.SUB | Opcode.MUL | Opcode.AXPY:
                return narrowed(binary(op, operands[0], operands[1], instruction.k, imm), d.type)
            case Opcode.RQ:
                return self._finished(instruction, operands[0], task, d)
            case Opcode.RQROW:
                b = image.slots[instruction.b]
                if b.space is Space.ACCUMULATOR:
                    words = self._read(b, task, self._p.lanes, rows)
                    factors = words[:, self._heads(instruction, width) % self._p.lanes]
                else:
                    factors = self._read(b, task, 1, rows)
                result = requantized_rows(operands[0], factors, d.type)
                return np.maximum(result, 0) if instruction.flags & FLAG_RELU else result
            case Opcode.LRELU:
                return narrowed(leaky_relu(operands[0], imm), d.type)
            case Opcode.LUT8:
                if imm >= len(image.tables):
                    raise InputError(f"table must be below {len(image.tables)}, not {imm}")
                entries: Integers = image.tables[imm][operands[0] & 255].astype(np.int64)
                return entries
            case _:
                return narrowed(np.where(operands[0] == EMPTY, 0, operands[0]), d.type)
