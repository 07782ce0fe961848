"""Random code: operations with operands, types, constants and flags drawn at random.

A program has a phase of chunks that gives every word a value, a phase of shards, and a phase of
chunks that stores all that there is. What runs at the same time must not depend on who is first: in
shards, one slot of accumulators only takes sums, one only maxima, and the others are only read.

Slots lie in any order, with room between them. Rows are whole words, so that every byte that is
stored has a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum
from typing import TypeVar

import numpy as np

from ...generators.gnn.assembly import Instruction, Slot, edge_immediate
from ...generators.gnn.formats import (
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
from ...golden.gnn.graph import Integers

__all__ = ["HIGH_HALF", "SLOTS", "TENSORS", "Form", "RandomCode"]

SLOTS = 62
"""Of the slot table; which of them code names is drawn too."""
TENSORS = {
    name: number
    for number, name in enumerate(("x", "factor", "part", "y0", "y1", "y2", "y3", "y4"))
}
"""Rows to load, constants of rows, a store that leaves part of each row, and stores of rows."""
WEIGHTS = ("w0", "w1")
_BIASES = 2
"""Biases that there is room for, at least."""
HIGH_HALF = 15
"""Number of the constant 2^-16; those before it are any."""

_Value = TypeVar("_Value")
_I8, _I16, _I32 = ElementType.I8, ElementType.I16, ElementType.I32
_BYTES, _HALVES = ("b0", "b1", "b2"), ("h0", "h1")
_SUMS, _EDGES = ("a0", "a1", "a2", "a3"), ("e0", "e1")
_BINARY = (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)
_SLOPE_ONE = 1 << 15
_ALL_HEADS = 15
_MOST_SHIFT = 47
_LONGEST = 9000
"""Most elements of a row: seven such rows are a tensor's row, of less than 64 KiB."""
_DRAWN = 12
"""Most operations that are drawn for a phase, if the engine has room for them."""
_NEEDED = 47
"""Instructions of all phases beyond those, at most."""
_ROWS = 16
"""Most rows where the last one ends with its space."""
_STORES = 12
"""Most stores and loads in a row, if the engine has room for them."""
_ROUNDS = 16
"""Most rounds of reciprocals, of four instructions, if the engine has room for them."""


def _short(name: str) -> str:
    """Return the name of the slot of a slot's first elements."""
    return f"first of {name}"


class Form(Enum):
    """Of a program: rows of a few words, rows as long as memories hold, many short stores,
    reciprocals of many numbers, or sums over edges of rows that may lie far apart."""

    ANY = "any"
    LONG = "long rows"
    STORES = "many stores"
    RECIPROCALS = "many reciprocals"
    SUMS = "sums of edges"


class RandomCode:
    """Draws the code and the slots of a program for an engine, and numbers for its memory.

    Rows are of a few words, or about as long as memories have room for; or of one, for stores that
    are done faster than their addresses.
    """

    def __init__(
        self, p: GnnParameters, rng: np.random.Generator, form: Form = Form.ANY
    ) -> None:
        self.p, self.rng, self.form = p, rng, form
        self.halves = 1 + self.below(2)
        # An operation is two instructions at most, and there are three phases.
        most = max(1, min(_DRAWN, (p.instructions - _NEEDED) // 6))
        if form in (Form.STORES, Form.RECIPROCALS):
            most = 1
        self.operations = self.one_of(most, 1 + self.below(most))
        left = max(0, p.instructions - _NEEDED - 6 * self.operations)
        self.rounds = min(_ROUNDS, left // 4) if form is Form.RECIPROCALS else 0
        self.stores = min(_STORES, left - 4 * self.rounds)
        few = [words for words in range(1, 4) if self._fits(words)]
        longest = min(
            (p.local_words - 1) // 7, p.accumulator_words // 8, p.edge_words // 4,
            _LONGEST // p.lanes,
        )  # fmt: skip
        many = list(range(max(1, longest // 2), max(1, longest) + 1))
        words = {Form.ANY: few, Form.SUMS: few, Form.LONG: many}.get(form, [1])
        self.words = self.one_of(*words)
        """Of a row of i8 or of accumulators."""
        self.elements = self.words * p.lanes
        self.tiled = p.lanes * min(self.words, few[-1])
        """Of them, those that are multiplied by weights."""
        self.weight_words, self.bias_words = self._tiled(self.tiled // p.lanes)
        self.biases = self.one_of(_BIASES * self.bias_words, p.bias_words)
        self.slots = self._slots()
        places = rng.permutation(SLOTS)[: len(self.slots)].tolist()
        self.numbers = dict(zip(self.slots, places, strict=True))

    def _tiled(self, words: int) -> tuple[int, int]:
        """Return the words of weights and of a bias, from rows to rows of so many words."""
        n = words * self.p.lanes
        tiles = -(-n // self.p.columns)
        return tiles * -(-n // self.p.rows) * self.p.rows, tiles

    def _fits(self, words: int) -> bool:
        """Return whether the weights and biases of such rows have room in the engine."""
        weights, bias = self._tiled(words)
        room: int = min(self.p.weight_words // weights, self.p.bias_words // bias)
        return room >= max(len(WEIGHTS), _BIASES)

    def _spread(self, sizes: dict[str, int], words: int) -> tuple[dict[str, int], int]:
        """Lay parts of a row out in any order, with gaps, in a space of so many words; return their
        first words and the words of a row."""
        needed = sum(sizes.values())
        # Of the space, at least two rows if there is room for them.
        room = max(needed, words // 2)
        most = room if self.form is Form.SUMS else self.one_of(0, 2, needed, room)
        free = self.below(1 + min(room - needed, most))
        marks = sorted(self.below(free + 1) for _ in sizes)
        places, end = {}, 0
        for name, gap in zip(self.rng.permutation(list(sizes)).tolist(), marks, strict=True):
            places[name] = end + gap
            end += sizes[name]
        return places, needed + free

    def _rows(self, sizes: dict[str, int], words: int) -> tuple[dict[str, int], int, int]:
        """Lay rows out, likewise, half of them so that the last one ends with the space; return
        also how many there may be."""
        places, stride = self._spread(sizes, words)
        rows = words // stride
        if self.below(2):
            rows = 1 + self.below(min(rows, _ROWS))
            end = max(at + sizes[name] for name, at in places.items())
            shift = words - (rows - 1) * stride - end
            places = {name: at + shift for name, at in places.items()}
        return places, stride, rows

    def _slots(self) -> dict[str, Slot]:
        """Lay slots out in each space; `local_stride` and the like are the words of its rows,
        `local_rows` how many have room."""
        n, words, p = self.elements, self.words, self.p
        places, self.accumulator_stride, self.accumulator_rows = self._rows(
            dict.fromkeys(_SUMS, words), p.accumulator_words // self.halves
        )
        accumulators = {name: Slot(Space.ACCUMULATOR, _I32, places[name], n) for name in _SUMS}
        places, self.edge_stride, self.edge_rows = self._rows(
            dict.fromkeys(_EDGES, 2 * words), p.edge_words
        )
        edges = {name: Slot(Space.EDGE, _I16, places[name], n) for name in _EDGES}
        outer, self.local_stride, self.local_rows = self._rows(
            {"row": 7 * words, "factor": 1}, p.local_words
        )
        # No room in between: all of it is loaded and stored as a row.
        sizes = {**dict.fromkeys(_BYTES, words), **dict.fromkeys(_HALVES, 2 * words)}
        within, at = {}, outer["row"]
        for name in self.rng.permutation(list(sizes)).tolist():
            within[name] = at
            at += sizes[name]
        bytes_ = {name: Slot(Space.LOCAL, _I8, within[name], n) for name in _BYTES}
        halves = {name: Slot(Space.LOCAL, _I16, within[name], n) for name in _HALVES}
        places, self.weight_rows = self._spread(
            dict.fromkeys(WEIGHTS, self.weight_words), p.weight_words
        )
        weights = {
            name: Slot(Space.WEIGHT, _I8, places[name], self.tiled, self.tiled)
            for name in WEIGHTS
        }
        # The first elements of those: rows of a part of a word.
        short = {
            _short(name): replace(slot, elements=self.p.score_lanes)
            for name, slot in {**accumulators, **edges, **halves}.items()
        }
        return {
            **accumulators, **edges, **bytes_, **halves, **weights, **short,
            "row": Slot(Space.LOCAL, _I8, outer["row"], 7 * n),
            "factor": Slot(Space.LOCAL, _I32, outer["factor"], 1),
            "head": replace(accumulators["a3"], elements=self.p.lanes),
        }  # fmt: skip

    # Numbers.

    def below(self, limit: int) -> int:
        return int(self.rng.integers(limit))

    def one_of(self, *values: _Value) -> _Value:
        return values[self.below(len(values))]

    def array(self, bits: int, *shape: int) -> Integers:
        """Numbers of so many bits, a quarter of them extremes, small, or powers of two."""
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        plain = self.rng.integers(low, high, shape, endpoint=True)
        power = 1 << self.rng.integers(0, bits - 1, shape)
        marked = self.rng.choice([low, high, 0, -1, 1, 2, 3], shape)
        marked = np.select([marked == 2, marked == 3], [power, -power], marked)
        return np.where(self.rng.random(shape) < 0.75, plain, marked)

    def factors(self, *shape: int) -> Integers:
        """Packed constants `m | s << 16`."""
        m = self.rng.integers(0, 1 << 16, shape)
        s = self.rng.integers(0, _MOST_SHIFT, shape, endpoint=True)
        # Of some the last bits of a product count.
        small = self.rng.random(shape) < 0.25
        return np.where(small, m & 7 | (s & 1) << 16, m | s << 16)

    # Instructions.

    def code(self, op: Opcode, **fields: int | str) -> Instruction:
        """Return an instruction; operands by the names of their slots."""
        numbers = {
            name: self.numbers[value] if isinstance(value, str) else value
            for name, value in fields.items()
        }
        return Instruction(op, **numbers)

    def row_operation(self, there: tuple[str, ...]) -> Instruction:
        """Return an element-wise operation on slots."""
        d = self.one_of(*there)
        rest = [name for name in there if name != d]
        # A word of a is read before that of d is written, but b may be one row for all.
        a, b = self.one_of(*rest, d), self.one_of(*rest)
        relu = FLAG_RELU * self.below(2)
        local = "b0" in there
        op = self.one_of(
            *_BINARY, Opcode.FILL, Opcode.RQ, Opcode.LRELU, Opcode.FIXMIN,
            *((Opcode.RQROW, Opcode.LUT8) if local else ()),
        )  # fmt: skip
        match op:
            case Opcode.FILL:
                return self.code(op, d=d, imm=self.immediate())
            case Opcode.RQ:
                return self.code(op, d=d, a=a, k=self.below(16), flags=relu)
            case Opcode.RQROW:
                return self.code(op, d=d, a=a, b="factor", flags=relu)
            case Opcode.LRELU:
                return self.code(op, d=d, a=a, imm=self.below(_SLOPE_ONE + 1))
            case Opcode.LUT8:
                d, a = self.one_of(*_BYTES), self.one_of(*_BYTES)
                return self.code(op, d=d, a=a, imm=self.below(self.p.tables))
            case Opcode.FIXMIN:
                return self.code(op, d=d, a=a)
            case _:
                once = FLAG_ONE * self.below(2)
                return self.code(
                    op, d=d, a=a, b=b, k=self.below(16), imm=self.immediate(), flags=once
                )

    def immediate(self) -> int:
        return int(self.array(24, 1)[0])

    def chunk_operations(self) -> Iterator[Instruction]:
        """Operations of a phase of chunks, on all slots but those of edges."""
        for _ in range(self.operations):
            match self.below(8):
                case 0:
                    yield self.product(self.one_of(*_HALVES), self.one_of(*_BYTES))
                case 1:
                    yield self.product("b0", self.one_of("b1", "b2"))
                case 2:
                    yield from self.normalisation()
                case 3:
                    # Rows of which memory has more: they do not follow each other there.
                    yield self.code(Opcode.LDV, d=self.one_of(*_BYTES, *_HALVES), c=TENSORS["x"])
                case 4:
                    yield self.code(
                        Opcode.LDV, d=self.one_of(*_BYTES), c=TENSORS["x"], flags=FLAG_ONE
                    )
                case 5:
                    yield self.code(Opcode.STV, a=self.one_of(*_BYTES), c=TENSORS["part"])
                case _:
                    yield self.row_operation((*_BYTES, *_HALVES, *_SUMS))

    def reciprocals(self) -> Iterator[Instruction]:
        """Rounds that add reciprocals of a1 to a0, and make other numbers of a1."""
        for _ in range(self.rounds):
            yield self.code(Opcode.RECIP, d="head", a="a1")
            yield self.code(Opcode.ADD, d="a0", a="a0", b="a3")
            yield self.code(Opcode.MUL, d="a1", a="a1", b="a2")
            yield self.code(Opcode.ADD, d="a1", a="a1", b="a0")

    def normalisation(self) -> Iterator[Instruction]:
        """Reciprocals, by which columns are multiplied."""
        yield self.code(Opcode.RECIP, d="head", a=self.one_of(*_SUMS[:3]))
        yield self.code(
            Opcode.RQROW, d=self.one_of(*_BYTES, *_HALVES), a=self.one_of(*_SUMS[:3]), b="head",
            k=self.heads(), flags=FLAG_RELU * self.below(2),
        )  # fmt: skip

    def product(self, d: str, a: str) -> Instruction:
        bias = self.below(self.biases - self.bias_words + 1)
        return self.code(
            Opcode.MM, d=d, a=a, b=self.one_of(*WEIGHTS), k=self.below(16), imm=bias,
            flags=FLAG_RELU * self.below(2),
        )  # fmt: skip

    def heads(self) -> int:
        """Return a k by which all columns have a head in the first word."""
        least = (self.words - 1).bit_length()
        k: int = self.one_of(least, least, *range(least, 6), _ALL_HEADS)
        return k

    def shard_operations(self) -> Iterator[Instruction]:
        """Operations of a phase of shards: sums into a0, maxima into a1; a2 and a3 are read."""
        for _ in range(self.operations):
            match self.below(2 if self.form is Form.SUMS else 6):
                case 0:
                    scores = self.one_of(*_EDGES)
                    b = self.one_of(NO_SLOT, SCALAR, *[self.numbers[scores]] * 2)
                    # Heads of one column would have to be in a word.
                    k = self.one_of(1, 2, 1 + self.below(15))
                    yield self.code(Opcode.SPSUM, d="a0", a=self.one_of(*_BYTES), b=b, k=k)
                case 1:
                    yield self.code(Opcode.SPMAX, d="a1", a=self.one_of(*_BYTES))
                case 2 | 3:
                    yield self.edge_operation()
                case 4:
                    yield self.row_operation((*_BYTES, *_HALVES))
                case _:
                    yield self.row_operation(_EDGES)

    def edge_operation(self) -> Instruction:
        """Return an EDGE with some of its operands."""
        d = self.one_of(*_EDGES, "")
        others = [name for name in _EDGES if name != d]
        chosen = {"d": d, "a": self.one_of(*others, *_HALVES, "")}
        chosen["b"], chosen["c"] = self.one_of("a2", "a3", ""), self.one_of("a2", "a3", "", "")
        if not (chosen["d"] or chosen["a"] or chosen["b"]):
            chosen["d"] = "e0"
        maximum = self.below(2)
        chosen["r"] = self.one_of("a1" if maximum else "a0", "")
        if self.below(2):
            chosen = {name: value and _short(value) for name, value in chosen.items()}
        slots = {name: value for name, value in chosen.items() if value}
        r = self.numbers[slots.pop("r")] if "r" in slots else NO_SLOT
        slope = self.below(_SLOPE_ONE + 1)
        return self.code(
            Opcode.EDGE, **slots, imm=edge_immediate(slope, r), flags=FLAG_MAX * maximum
        )

    # Phases.

    def loads(self) -> Iterator[Instruction]:
        yield self.code(Opcode.LDV, d="row", c=TENSORS["x"])
        yield self.code(Opcode.LDV, d="factor", c=TENSORS["factor"])

    def beginning(self) -> Iterator[Instruction]:
        """Every slot gets a value."""
        yield from self.loads()
        for name in _SUMS:
            a, b = self.one_of(*_BYTES, *_HALVES), self.one_of(*_BYTES, *_HALVES)
            if a == b:
                yield self.code(Opcode.FILL, d=name, imm=self.immediate())
            else:
                op = self.one_of(*_BINARY)
                yield self.code(op, d=name, a=a, b=b, k=self.below(16), imm=self.immediate())
        yield from self.chunk_operations()
        yield self.code(Opcode.END)

    def shard(self) -> Iterator[Instruction]:
        yield from self.loads()
        for name in _EDGES:
            yield self.code(
                Opcode.EDGE, d=name, a=self.one_of(*_HALVES), imm=edge_immediate(_SLOPE_ONE)
            )
        yield from self.shard_operations()
        # So that what edges have shows.
        for name, reduced in zip(_EDGES, ("a0", "a1"), strict=True):
            r = self.numbers[reduced]
            flags = FLAG_MAX * (reduced == "a1")
            yield self.code(
                Opcode.EDGE, a=name, imm=edge_immediate(_SLOPE_ONE, r), flags=flags
            )
        yield self.code(Opcode.END)

    def end(self) -> Iterator[Instruction]:
        """Rows are stored, then accumulators: the upper halves of their words, then the lower."""
        yield from self.loads()
        if self.below(2):
            yield from self.chunk_operations()
        yield from self.reciprocals()
        for _ in range(self.stores):
            place = self.one_of(*_BYTES)
            if self.form is not Form.STORES and self.below(3) == 0:
                yield self.code(Opcode.LDV, d=place, c=TENSORS["x"])
            else:
                yield self.code(Opcode.STV, a=place, c=TENSORS["part"])
        yield from self.normalisation()
        yield self.code(Opcode.STV, a="row", c=TENSORS["y0"])
        for step in range(2):
            for pair in range(2):
                for name, place in zip(_SUMS[2 * pair :][:2], _HALVES, strict=True):
                    for k in (15, 1) if step else ():
                        # Of b nothing is added: the slot is shifted by 16 in all.
                        yield self.code(Opcode.AXPY, d=name, a=name, b="b0", k=k)
                    yield self.code(Opcode.RQ, d=place, a=name, k=HIGH_HALF)
                yield self.code(Opcode.STV, a="row", c=TENSORS[f"y{1 + 2 * step + pair}"])
        yield self.code(Opcode.END)
