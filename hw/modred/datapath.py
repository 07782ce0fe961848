"""The values under way in a pipelined reducer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed, unsigned

from ..arith.compressors import CompressorTree
from ..fabric.elastic import ElasticPipeline
from .adder_tree import Node
from .multiples import Multiples
from .reducer import Pipelining, Reducer, Style
from .streaming import stands
from .summation import Summation

__all__ = ["Datapath"]


class Datapath:
    """The values that are under way in a pipelined reducer, by name.

    A value is written under a name, read under it at once or behind any number of cuts, and
    dropped when nothing ahead reads it; each :meth:`cut` carries all that are there. The tag of
    the operand travels among them.
    """

    def __init__(self, m: Module, reducer: Reducer) -> None:
        self.m = m
        self._o = reducer.o
        self._pipelining = reducer.p.pipeline
        self._style = reducer.p.style
        self.pipe = ElasticPipeline(m, valid=reducer.i.valid, ready=reducer.i.ready)
        self._live: dict[str, Value] = {"x": reducer.i.payload.x}
        if reducer.p.tag_bits:
            self._live["tag"] = reducer.i.payload.tag

    def __getitem__(self, name: str) -> Value:
        return self._live[name]

    def __setitem__(self, name: str, value: Value) -> None:
        """Give an expression a name: a signal of its own, of the expression's shape."""
        signal = Signal(value.shape(), name=name)
        self.m.d.comb += signal.eq(value)
        self._live[name] = signal

    def drop(self, names: Iterable[str]) -> None:
        """Stop carrying values."""
        for name in names:
            self._live.pop(name, None)

    def cut(self, name: str, pipelining: Pipelining = Pipelining.LEVELS) -> None:
        """Let a rank of registers stand here if ``pipelining`` or finer is asked for."""
        wanted = stands(pipelining, self._pipelining)
        self._live = vars(self.pipe.cut(name, wanted=wanted, **self._live))

    def finish(self, residue: str) -> None:
        """Connect the output stream."""
        payload = self._o.payload
        self.m.d.comb += payload.r.eq(self[residue])
        if "tag" in self._live:
            self.m.d.comb += payload.tag.eq(self["tag"])
        self.pipe.finish(valid=self._o.valid, ready=self._o.ready)

    def multiply(self, name: str, multiples: Multiples, bits: Mapping[int, int]) -> None:
        """Make ``name_3``, ``name_5``… from ``name``, of ``bits`` each, level by level."""
        for level in range(1, multiples.levels + 1):
            for made in multiples.built:
                if made.level != level:
                    continue
                first = self[multiples.name(name, made.first)]
                second = self[multiples.name(name, made.second)]
                shift = made.shift
                if made.subtracts and not made.reverses:
                    total = (first << shift) - second
                else:
                    rest = second[shift:]
                    rest = rest - first if made.reverses else rest + first
                    total = Cat(_padded(second, shift), rest)
                self[f"{name}_{made.value}"] = total[: bits[made.value]]
            self.cut(f"{name}_multiples_{level}")

    def retain(self, number: str, names: Collection[str]) -> None:
        """Of a number and its multiples carry only those in ``names`` on."""
        self.drop([
            each for each in self._live
            if (each == number or each.startswith(f"{number}_")) and each not in names
        ])

    def add(
        self,
        name: str,
        total: Summation,
        sources: Sequence[str],
        read: Callable[[int, Value], Value],
        ends: Pipelining = Pipelining.LEVELS,
    ) -> None:
        """Make ``name``, the sum; or ``name_sum`` and ``name_carry`` with compressors.

        Parameters
        ----------
        name
            Of the sum.
        total
            What to add.
        sources
            Name of the value that each row is read from, in the level where it is added; the
            values are dropped after that.
        read
            Returns the row of a number from its source.
        ends
            Which pipelining has a rank behind the counters.
        """
        if self._style is Style.CHAIN:
            self._chain(name, total, sources, read)
            return
        tree = CompressorTree(total.compressors)
        self.m.submodules[f"{name}_tree"] = tree
        for index, row in enumerate(total.rows):
            value = read(index, self[sources[index]])[: row.bits]
            port = getattr(tree, f"row_{index}")
            self.m.d.comb += port.eq(~value if row.negative else value)
        self[f"{name}_sum"], self[f"{name}_carry"] = tree.sum, tree.carry
        self.drop(sources)
        self.cut(f"{name}_tree", ends)

    def merge(self, name: str, bits: int) -> None:
        """Make ``name`` from its sum and carry, if there are such, and end a stage."""
        if self._style is Style.COMPRESSOR:
            self[name] = (self[f"{name}_sum"] + self[f"{name}_carry"])[:bits]
            self.drop([f"{name}_sum", f"{name}_carry"])
            self.cut(f"{name}_adder", Pipelining.STAGES)

    def correct(self, difference: str, modulus: int) -> None:
        """Make ``residue`` from a difference in ``-M … M - 1``: add M if it is negative.

        The modulus is masked with the sign: that adder takes the place of a second one beside the
        first, and of the selection between them.
        """
        bits = modulus.bit_length()
        value = self[difference]
        masked = Const(modulus, bits) & value[bits].replicate(bits)
        self["residue"] = (value[:bits] + masked)[:bits]
        self.drop([difference])
        self.cut("residue", Pipelining.STAGES)

    def _chain(
        self,
        name: str,
        total: Summation,
        sources: Sequence[str],
        read: Callable[[int, Value], Value],
    ) -> None:
        tree = total.tree
        nodes, stages = tree.nodes, tree.stages
        last: dict[str, int] = {}
        for source, stage in zip(sources, stages, strict=False):
            last[source] = max(stage, last.get(source, 0))

        def value(index: int) -> Value:
            node = nodes[index]
            if index < len(total.rows):
                return read(index, self[sources[index]])[: node.bits]
            if index < len(tree.rows):
                return Const(node.low, node.bits)
            if not node.joins:
                return self[f"{name}_{index}"]
            lower, upper = node.operands
            padding = nodes[upper].shift - nodes[lower].shift
            return Cat(_padded(value(lower), padding), value(upper))

        adders = [k for k, node in enumerate(nodes) if node.operands and not node.joins]
        for level in range(1, tree.levels + 1):
            for index in adders:
                if stages[index] == level:
                    first, second = nodes[index].operands
                    self._adder(
                        f"{name}_{index}", nodes[index], value(first), value(second),
                        nodes[second].shift - nodes[first].shift,
                    )
            self.drop(f"{name}_{index}" for index in adders if stages[index] == level - 1)
            self.drop(s for s, use in last.items() if use < level)
            ends = Pipelining.STAGES if level == tree.levels else Pipelining.LEVELS
            self.cut(f"{name}_level_{level}", ends)
        result = Signal(total.bits, name=name)
        self.m.d.comb += result.eq(value(len(nodes) - 1))
        self._live[name] = result
        self.drop([f"{name}_{len(nodes) - 1}", *last])

    def _adder(self, name: str, node: Node, first: Value, second: Value, distance: int) -> None:
        """Make ``first ± (second << distance)``, or its negative, in the shape of the node."""
        shape = signed if node.signed else unsigned
        total = Signal(shape(node.bits), name=name)
        self._live[name] = total
        if node.reverses:
            self.m.d.comb += total.eq((second << distance) - first)
            return
        # The adder proper begins where both operands have bits.
        upper = Signal(shape(node.bits - distance), name=f"{name}_upper")
        high = first >> distance
        self.m.d.comb += upper.eq(high - second if node.subtracts else high + second)
        if distance == 0:
            lowest = upper[0]
            if not stands(Pipelining.LEVELS, self._pipelining):
                # Synthesis merges a sum of sums into carry-save logic, twice the size of carry
                # chains. It does not where a bit of the inner sum comes from elsewhere.
                lowest = first[0] ^ second[0]
            self.m.d.comb += total.eq(Cat(lowest, upper[1:]))
            return
        low = Signal(distance, name=f"{name}_low")
        self.m.d.comb += [low.eq(first), total.eq(Cat(low, upper))]


def _padded(value: Value, bits: int) -> Value:
    """The low ``bits`` of an unsigned value."""
    return Cat(value[:bits], Const(0, max(0, bits - len(value))))
