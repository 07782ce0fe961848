"""Memories of an engine, with a port for each of their clients."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.utils import ceil_log2

from ..fabric.memory import BlockMemory
from ..unit import Unit
from .jobs import (
    accumulator_read,
    accumulator_write,
    local_read,
    local_write,
)
from .parameters import GnnParameters

__all__ = ["Banks"]

_Port = dict[str, Signal]
"""What a client gives, by the names of its port."""


class Banks(Unit):
    """Local, edge and list memories of all threads, and the accumulator memory.

    Members
    -------
    vector_rows, matrix_rows, writer_rows : In(local_read)
    vector_rows_write, matrix_rows_write, reader_rows_write : In(local_write)
        Local memory: a bank for each thread, since threads use different units at a time. A thread
        has one client at a time for reading and one for writing.
    scores, scores_write
        Edge memory, of the vector unit alone; so are the others.
    edges, scalars : In(local_read), edges_write, scalars_write : In(local_write)
        Lists; written in beats, read in entries.
    accumulators, accumulators_write
        Accumulator memory.

    Notes
    -----
    Cycles: MEMORY_LATENCY from an address to its data: one on the way to the memory, which is far
    from its clients, one for the memory, and one for the choice among threads. Memories that one
    client alone reads are one memory for all threads.
    """

    p: GnnParameters

    def __init__(self, p: GnnParameters) -> None:
        read = In(local_read(p.local_words, p.word_bits))
        write = In(local_write(p.local_words, p.word_bits, p.lanes // p.mask_bytes))
        super().__init__(p, {
            "vector_rows": read, "vector_rows_write": write, "matrix_rows": read,
            "matrix_rows_write": write, "writer_rows": read, "reader_rows_write": write,
            "scores": In(local_read(p.edge_words, p.word_bits)),
            "scores_write": In(local_write(p.edge_words, p.word_bits, 1)),
            "edges": In(local_read(p.max_edges, 32)),
            "edges_write": In(local_write(p.edge_beats, 8 * p.bus_bytes, 1)),
            "scalars": In(local_read(p.max_sources, 16)),
            "scalars_write": In(local_write(p.scalar_beats, 8 * p.bus_bytes, 1)),
            "accumulators": In(accumulator_read(p)),
            "accumulators_write": In(accumulator_write(p)),
        })  # fmt: skip

    def body(self) -> Module:
        m = Module()
        p = self.p
        clients = ("vector_rows", "matrix_rows", "writer_rows")
        readers = [_held(m, name, getattr(self, name)) for name in clients]
        writers = [
            _held(m, name, getattr(self, name))
            for name in ("vector_rows_write", "matrix_rows_write", "reader_rows_write")
        ]
        words = [self._local(m, number, readers, writers) for number in range(p.threads)]
        for name, held in zip(clients, readers, strict=True):
            thread = Signal(range(p.threads), name=f"{name}_comes_from")
            m.d.sync += [
                thread.eq(held["thread"]), getattr(self, name).data.eq(Array(words)[thread])
            ]
        self._shared(m, "scores", p.edge_words)
        self._shared(m, "edges", p.edge_beats)
        self._shared(m, "scalars", p.scalar_beats)
        asked = _held(m, "accumulators", self.accumulators)
        given = _held(m, "accumulators_write", self.accumulators_write)
        # Scores fill halves of words, one while the other is read: each half is a memory.
        half = p.accumulator_bits // 2
        halves = []
        for number, side in enumerate(("low", "high")):
            memory = BlockMemory(shape=half, depth=p.accumulator_words)
            m.submodules[f"accumulator_{side}"] = memory
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.en.eq(asked["enable"]), read.addr.eq(asked["address"]),
                write.en.eq(given["enable"][number]), write.addr.eq(given["address"]),
                write.data.eq(given["data"].word_select(number, half)),
            ]
            halves.append(read.data)
        m.d.sync += self.accumulators.data.eq(Cat(halves))
        return m

    def _local(
        self, m: Module, number: int, readers: Sequence[_Port], writers: Sequence[_Port]
    ) -> Value:
        """Add the local memory of a thread; return what it reads."""
        p = self.p
        memory = BlockMemory(shape=p.word_bits, depth=p.local_words)
        m.submodules[f"local_{number}"] = memory
        read, write = memory.read_port(), memory.write_port(granularity=8 * p.mask_bytes)
        chosen = _chosen(readers, number, ("address",))
        m.d.comb += [read.en.eq(chosen["enable"].any()), read.addr.eq(chosen["address"])]
        chosen = _chosen(writers, number, ("address", "data"))
        m.d.comb += [
            write.en.eq(chosen["enable"]), write.addr.eq(chosen["address"]),
            write.data.eq(chosen["data"]),
        ]
        return read.data

    def _shared(self, m: Module, name: str, depth: int) -> None:
        """Add a memory for all threads whose words may be wider than what is read."""
        p, port = self.p, getattr(self, name)
        asked = _held(m, name, port)
        given = _held(m, f"{name}_write", getattr(self, f"{name}_write"))
        width, entry = len(given["data"]), len(port.data)
        bits, part_bits = ceil_log2(depth), ceil_log2(width // entry)
        memory = BlockMemory(shape=width, depth=p.threads << bits)
        m.submodules[name] = memory
        read, write = memory.read_port(), memory.write_port()
        place = asked["address"][part_bits : part_bits + bits]
        m.d.comb += [
            read.en.eq(asked["enable"]), read.addr.eq(Cat(place, asked["thread"])),
            write.en.eq(given["enable"]),
            write.addr.eq(Cat(given["address"][:bits], given["thread"])),
            write.data.eq(given["data"]),
        ]  # fmt: skip
        word = read.data
        if part_bits:
            part = Signal(part_bits, name=f"{name}_part")
            m.d.sync += part.eq(asked["address"][:part_bits])
            word = word.word_select(part, entry)
        m.d.sync += port.data.eq(word)


def _held(m: Module, name: str, port: wiring.PureInterface) -> _Port:
    """Registers behind a client's port: what it asked for a cycle ago."""
    held: _Port = {}
    for field, member in port.signature.members.items():
        if member.flow is In:
            value = Signal(
                member.shape, name=f"{name}_{field}", reset_less=field != "enable"
            )
            m.d.sync += value.eq(getattr(port, field))
            held[field] = value
    return held


def _chosen(clients: Sequence[_Port], thread: int, names: Sequence[str]) -> dict[str, Value]:
    """Join what the clients of a thread's memory ask for: those that do not ask give nothing."""
    result: dict[str, Value] = {}
    for client in clients:
        mine = client["enable"].any() & (client["thread"] == thread)
        for name in ("enable", *names):
            value = client[name]
            masked = value & mine.replicate(len(value))
            result[name] = result[name] | masked if name in result else masked
    return result
