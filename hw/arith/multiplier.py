"""Multiplier of two unsigned integers, one product per cycle."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..fabric.elastic import ElasticPipeline
from ..unit import Unit
from .compressors import CompressorTree, CompressorTreeParameters
from .counter_network import STRATEGIES
from .partial_products import booth_rows, multiple_rows

__all__ = ["IntegerMultiplier", "IntegerMultiplierParameters", "multiplier_streams"]

# Operands up to this are multiplied whole. On carry chains three halves are less area from here on;
# of standard cells they are an eighth less at 64 bits already, but half as slow again.
_LEAF_BITS = {"chain": 24, "compressor": 64}


@dataclass(frozen=True, kw_only=True)
class IntegerMultiplierParameters:
    """Parameters of a multiplier.

    Parameters
    ----------
    a_bits, b_bits
        Widths of the operands, at least 1.
    style
        ``chain``: rows ``a * digit`` for each two bits of b, picked among 0, a, 2a and 3a, and a
        binary tree of adders; for FPGAs with carry chains. ``compressor``: rows from Booth digits
        -2 … 2, a compressor tree and one adder. ``operator``: the multiplication sign, which tools
        map to DSP blocks.
    pipeline
        Registers ``none``; at ``stages``: before and after the sum of all rows; or at ``levels``:
        after each level of adders, of which a compressor tree is one.
    strategy
        How a compressor tree is planned, a key of :data:`~.counter_network.STRATEGIES`.
    leaf_bits
        Operands of more bits are split in two halves and three products, at least 4; None for 24
        with ``chain`` and 64 with ``compressor``. ``operator`` splits nothing by itself.
    tag_bits
        Bits that travel with the operands unchanged.

    Raises
    ------
    ValueError
        A parameter is out of its range.
    """

    a_bits: int
    b_bits: int
    style: str = "chain"
    pipeline: str = "none"
    strategy: str = "dadda"
    leaf_bits: int | None = None
    tag_bits: int = 0

    def __post_init__(self) -> None:
        for name, least in (("a_bits", 1), ("b_bits", 1), ("leaf_bits", 4), ("tag_bits", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        for name, allowed in (
            ("style", (*_LEAF_BITS, "operator")),
            ("pipeline", ("none", "stages", "levels")),
            ("strategy", tuple(STRATEGIES)),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, "
                    f"not {getattr(self, name)!r}"
                )

    def half(self, a_bits: int, b_bits: int) -> int | None:
        """Bits of the lower halves of two operands; None if they are multiplied whole."""
        half = (max(a_bits, b_bits) + 1) // 2
        leaf = self.leaf_bits or _LEAF_BITS.get(self.style)
        return half if leaf is not None and leaf < min(a_bits, b_bits) > half else None

    def cuts(self, a_bits: int, b_bits: int) -> tuple[bool, ...]:
        """Where a product of two operands can have registers: true where a stage ends."""
        half = self.half(a_bits, b_bits)
        if half is not None:
            low, high = self.cuts(half, half), self.cuts(a_bits - half, b_bits - half)
            middle = (True, *self.cuts(half + 1, half + 1))
            inner = map(any, zip_longest(low, middle, high, fillvalue=False))
            return (*inner, False, False, True)
        levels = ((b_bits + 1) // 2 - 1).bit_length() if self.style == "chain" else 1
        return (True, *[False] * (levels - 1), True)

    @property
    def latency(self) -> int:
        """Cycles from the one that takes operands to the first that shows their product."""
        cuts = self.cuts(self.a_bits, self.b_bits)
        return {"none": 0, "stages": sum(cuts), "levels": len(cuts)}[self.pipeline]

    @property
    def interval(self) -> int:
        """Cycles from one pair of operands to the next, where nothing stalls."""
        return 1


class _Cut(NamedTuple):
    """A place for registers: what has to pass them; whether they end a stage or just a level."""

    live: dict[str, Value]
    stage: bool


_Steps = Generator[_Cut, dict[str, Value], Value]
"""A product on its way: it yields its cuts, is sent what came through, and returns the product."""


def multiplier_streams(
    a_bits: int, b_bits: int, tag_bits: int, addend_bits: int = 0
) -> dict[str, In | Out]:
    """Ports of a multiplier: ``i`` with a and b, ``o`` with their product.

    Both have a tag, and ``i`` an addend, if these have any bits.
    """
    tag = {"tag": tag_bits} if tag_bits else {}
    addend = {"addend": addend_bits} if addend_bits else {}
    operands = data.StructLayout({"a": a_bits, "b": b_bits, **addend, **tag})
    product = data.StructLayout({"product": a_bits + b_bits, **tag})
    return {"i": In(stream.Signature(operands)), "o": Out(stream.Signature(product))}


class IntegerMultiplier(Unit):
    """``product = a * b``.

    Large operands are split: with ``a = a1 2^h + a0`` and b alike, ``a1 b0 + a0 b1 = (a1 + a0)
    (b1 + b0) - a1 b1 - a0 b0``, and so three products of half the width do instead of four
    (A. Karatsuba, Yu. Ofman, Doklady Akad. Nauk SSSR 145, 1962).

    Members
    -------
    i : In(stream)
        ``a`` and ``b``, unsigned, and ``tag`` if there is one.
    o : Out(stream)
        ``product``, a_bits + b_bits, and the ``tag`` of its operands. Order is kept.

    Cycles: ``p.latency``, one product per cycle. They depend on no data.
    """

    p: IntegerMultiplierParameters

    def __init__(self, p: IntegerMultiplierParameters) -> None:
        super().__init__(p, multiplier_streams(p.a_bits, p.b_bits, p.tag_bits))
        self._names = 0

    def body(self) -> Module:
        m = Module()
        pipe = ElasticPipeline(m, valid=self.i.valid, ready=self.i.ready)
        operands = self.i.payload
        tag = {"tag": operands.tag} if self.p.tag_bits else {}
        steps = self._product(m, operands.a, operands.b)
        through: dict[str, Value] | None = None
        rank = 0
        while True:
            try:
                cut = steps.send(through)
            except StopIteration as end:
                product = end.value
                break
            wanted = self.p.pipeline == "levels" or (cut.stage and self.p.pipeline == "stages")
            at = vars(pipe.cut(f"rank_{rank}", wanted=wanted, **cut.live, **tag))
            through = {name: at[name] for name in cut.live}
            tag = {name: at[name] for name in tag}
            rank += 1
        pipe.finish(valid=self.o.valid, ready=self.o.ready)
        m.d.comb += self.o.payload.product.eq(product)
        if tag:
            m.d.comb += self.o.payload.tag.eq(tag["tag"])
        return m

    def _named(self, m: Module, name: str, width: int, value: Value) -> Signal:
        """A signal for an intermediate value, so that no expression nests deep."""
        signal = Signal(width, name=f"{name}_{self._names}")
        self._names += 1
        m.d.comb += signal.eq(value)
        return signal

    def _product(self, m: Module, a: Value, b: Value) -> _Steps:
        half = self.p.half(len(a), len(b))
        if half is not None:
            return self._split(m, a, b, half)
        leaves = {"chain": self._chain, "compressor": self._compressor, "operator": self._operator}
        return leaves[self.p.style](m, a, b)

    def _split(self, m: Module, a: Value, b: Value, half: int) -> _Steps:
        low, middle, high = yield from _together(
            self._product(m, a[:half], b[:half]),
            self._middle(m, a, b, half),
            self._product(m, a[half:], b[half:]),
        )
        outer = self._named(m, "outer", len(low) + 1, low + high)
        at = yield _Cut({"low": low, "high": high, "middle": middle, "outer": outer}, False)
        low, high = at["low"], at["high"]
        crossed = self._named(m, "crossed", 1 + max(len(a), len(b)), at["middle"] - at["outer"])
        at = yield _Cut({"low": low, "high": high, "crossed": crossed}, False)
        upper = Cat(at["low"][half:], at["high"])
        total = self._named(m, "upper", len(upper), upper + at["crossed"])
        return (yield _Cut({"product": Cat(at["low"][:half], total)}, True))["product"]

    def _middle(self, m: Module, a: Value, b: Value, half: int) -> _Steps:
        sums = {
            name: self._named(m, f"{name}_halves", half + 1, word[:half] + word[half:])
            for name, word in (("a", a), ("b", b))
        }
        at = yield _Cut(sums, True)
        return (yield from self._product(m, at["a"], at["b"]))

    def _chain(self, m: Module, a: Value, b: Value) -> _Steps:
        triple = self._named(m, "triple", len(a) + 2, a + (a << 1))
        at = yield _Cut({"a": a, "b": b, "triple": triple}, True)
        rows = multiple_rows(m, at["a"], at["triple"], at["b"])
        digits = 1  # in a row that is not the last
        while len(rows) > 1:
            sums: list[Value] = []
            for low, high in zip(rows[::2], rows[1::2], strict=False):
                shift = 2 * digits
                total = self._named(m, "partial", len(high), low[shift:] + high)
                sums.append(Cat(low[:shift], total))
            digits *= 2
            rows = sums + rows[2 * len(sums) :]
            live = {f"sum_{index}": row for index, row in enumerate(rows)}
            at = yield _Cut(live, len(rows) == 1)
            rows = [at[name] for name in live]
        if digits == 1:
            rows = [(yield _Cut({"product": rows[0]}, True))["product"]]
        return rows[0]

    def _compressor(self, m: Module, a: Value, b: Value) -> _Steps:
        rows, constant = booth_rows(m, a, b)
        width = len(a) + len(b)
        p = CompressorTreeParameters(
            rows=tuple((shift, len(word)) for shift, word in rows),
            constant=constant,
            width=width,
            strategy=self.p.strategy,
        )
        tree = CompressorTree(p)
        m.submodules[f"compressor_tree_{self._names}"] = tree
        m.d.comb += [getattr(tree, f"row_{k}").eq(word) for k, (_, word) in enumerate(rows)]
        at = yield _Cut({"sum": tree.sum, "carry": tree.carry}, True)
        product = self._named(m, "product", width, at["sum"] + at["carry"])
        return (yield _Cut({"product": product}, True))["product"]

    def _operator(self, m: Module, a: Value, b: Value) -> _Steps:
        at = yield _Cut({"a": a, "b": b}, True)
        product = self._named(m, "product", len(a) + len(b), at["a"] * at["b"])
        return (yield _Cut({"product": product}, True))["product"]


def _together(*parts: _Steps) -> Generator[_Cut, dict[str, Value], list[Value]]:
    """Take products through the same cuts; those that are done wait for the others."""
    done: dict[int, Value] = {}
    sent: list[dict[str, Value] | None] = [None] * len(parts)
    while True:
        cuts: dict[int, _Cut] = {}
        for index, part in enumerate(parts):
            if index not in done:
                try:
                    cuts[index] = part.send(sent[index])
                except StopIteration as end:
                    done[index] = end.value
        if not cuts:
            return [done[index] for index in range(len(parts))]
        live = {f"{i}_{name}": value for i, cut in cuts.items() for name, value in cut.live.items()}
        live |= {f"{i}_done": value for i, value in done.items()}
        at = yield _Cut(live, any(cut.stage for cut in cuts.values()))
        for index, cut in cuts.items():
            sent[index] = {name: at[f"{index}_{name}"] for name in cut.live}
        done = {index: at[f"{index}_done"] for index in done}
