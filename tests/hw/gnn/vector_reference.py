"""Jobs of the vector unit and what they do, on whole memories, by the golden model's functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewright.golden.gnn import fixed
from gatewright.hw.gnn.instruction import ElementType, Opcode, Space
from gatewright.hw.gnn.parameters import GnnParameters
from gatewright.tests.hw.gnn.bench import Integers, pack, unpack

ABSENT = {"present": 0, "space": Space.LOCAL, "type": ElementType.I8, "base": 0, "stride": 0,
          "elements": 0}  # fmt: skip


def operand(
    p: GnnParameters, space: Space, kind: ElementType, base: int, elements: int,
    stride: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """An operand; rows lie one behind the other unless a stride is given."""
    if stride is None:
        stride = -(-elements // per_word(p, space, kind))
    return {"present": 1, "space": space, "type": kind, "base": base, "stride": stride,
            "elements": elements}  # fmt: skip


def per_word(p: GnnParameters, space: Space, kind: ElementType) -> int:
    """Elements of a word."""
    narrow = space is Space.EDGE or kind is ElementType.I16
    return p.score_lanes if narrow else p.lanes


def vector_job(op: Opcode, **values: Any) -> dict[str, Any]:
    """A job; what is not named is 0 or absent."""
    imm = values.pop("imm", 0)
    return {
        "thread": 0, "op": op, "relu": 0, "maximum": 0, "k": 0, "imm": imm & 0xFFFFFF,
        "constant": {"m": 0, "s": 0}, "rows": 0, "edges": 0, "scalar": 0, "d": ABSENT,
        "a": ABSENT, "b": ABSENT, "c": ABSENT, "r": ABSENT, **values,
    }  # fmt: skip


def as_payload(job: dict[str, Any]) -> dict[str, Any]:
    """The job as hardware takes it: the elements of a row are told once."""
    order = "adb" if job["op"] in (Opcode.SPSUM, Opcode.SPMAX, Opcode.EDGE) else "d"
    elements = next(job[name]["elements"] for name in order if job[name]["present"])
    fields = dict.fromkeys("dab", ("present", "space", "type", "base", "stride"))
    fields |= dict.fromkeys("cr", ("present", "base", "stride"))
    operands = {name: {each: job[name][each] for each in fields[name]} for name in fields}
    return {**job, **operands, "elements": elements}


@dataclass
class Machine:
    """Memories of threads: bytes, i16 and i32 in words, and the lists of shards."""

    p: GnnParameters
    rows: Integers
    scores: Integers
    accumulators: Integers
    edges: Integers
    scalars: Integers
    tables: Integers
    powers: Integers

    def words(self) -> dict[str, list[int]]:
        """Contents of memories."""
        p = self.p
        return {
            "rows": pack(self.rows, 8, p.lanes), "scores": pack(self.scores, 16, p.score_lanes),
            "accumulators": pack(self.accumulators, 32, p.lanes),
            "edges": pack(self.edges, 32, 1), "scalars": pack(self.scalars, 16, 1),
        }  # fmt: skip

    def take(self, words: dict[str, list[int]]) -> Machine:
        """The same machine with other contents of the memories that are written."""
        p = self.p
        return Machine(
            p, unpack(words["rows"], 8, p.lanes).reshape(self.rows.shape),
            unpack(words["scores"], 16, p.score_lanes).reshape(self.scores.shape),
            unpack(words["accumulators"], 32, p.lanes).reshape(self.accumulators.shape),
            self.edges, self.scalars, self.tables, self.powers,
        )  # fmt: skip

    def view(self, o: dict[str, Any], row: int, thread: int, *, whole: bool = False) -> Integers:
        """Row of an operand, as a part of memory; ``whole``: to the end of its last word."""
        word, count = o["base"] + row * o["stride"], o["elements"]
        size = per_word(self.p, o["space"], o["type"])
        count = -(-count // size) * size if whole else count
        if o["space"] is Space.ACCUMULATOR:
            return self.accumulators.reshape(-1)[word * self.p.lanes :][:count]
        if o["space"] is Space.EDGE:
            return self.scores[thread].reshape(-1)[word * size :][:count]
        return self.rows[thread].reshape(-1)[word * self.p.lanes :]

    def read(self, o: dict[str, Any], row: int, thread: int) -> Integers:
        part = self.view(o, row, thread)
        if o["space"] is not Space.LOCAL:
            return part.copy()
        raw = part.astype("i1")
        kind = {ElementType.I8: "i1", ElementType.I16: "<i2", ElementType.I32: "<i4"}[o["type"]]
        end = o["elements"] * np.dtype(kind).itemsize
        return raw[:end].view(kind).astype(np.int64)

    def write(self, o: dict[str, Any], row: int, thread: int, values: Integers) -> None:
        part = self.view(o, row, thread)
        if o["space"] is Space.LOCAL:
            kind = "<i2" if o["type"] is ElementType.I16 else "i1"
            raw = values.astype(kind).view("i1")
            part[: len(raw)] = raw
        else:
            part[:] = values

    def copy_excess(self, o: dict[str, Any], rows: int, thread: int, found: Machine) -> None:
        """Take over what was found behind the last element of rows: not told what it is."""
        size = self.p.lanes if o["space"] is Space.LOCAL else None
        for row in range(rows):
            mine, other = (each.view(o, row, thread, whole=True) for each in (self, found))
            start = o["elements"] * (1 + (size is not None and o["type"] is ElementType.I16))
            end = -(-start // size) * size if size else len(mine)
            mine[start:end] = other[start:end]

    def run(self, job: dict[str, Any]) -> int:
        """Carry out a job; return how many cycles it occupies the unit."""
        if job["op"] in (Opcode.SPSUM, Opcode.SPMAX):
            return self._sparse(job)
        if job["op"] is Opcode.EDGE:
            return self._edge(job)
        if job["op"] is Opcode.RECIP:
            return self._reciprocal(job)
        return self._elements(job)

    def _list(self, job: dict[str, Any]) -> list[tuple[int, int, int]]:
        words = self.edges[job["thread"]][: job["edges"]].tolist()
        return [(e, word & 0xFFFF, word >> 16 & 0xFFFF) for e, word in enumerate(words)]

    def _sparse(self, job: dict[str, Any]) -> int:
        thread, n = job["thread"], job["a"]["elements"]
        heads = np.arange(n) >> job["k"] if job["k"] < 15 else np.zeros(n, dtype=np.int64)
        for e, source, destination in self._list(job):
            a, d = self.read(job["a"], source, thread), self.read(job["d"], destination, thread)
            if job["op"] is Opcode.SPMAX:
                total = np.maximum(d, a)
            else:
                scale = self.scalars[thread][source] if job["scalar"] else 1
                if job["b"]["present"]:
                    scale = self.read(job["b"], e, thread)[heads]
                total = fixed.wrap32(d + a * scale)
            self.write(job["d"], destination, thread, total)
        return int(job["edges"] * -(-n // self.p.lanes))

    def _edge(self, job: dict[str, Any]) -> int:
        thread = job["thread"]
        named = [job[n] for n in "adb" if job[n]["present"]]
        n = named[0]["elements"]
        slope, zero = job["imm"] & 0xFFFF, np.zeros(n, dtype=np.int64)
        references = {
            d: self.read(job["c"], d, thread) if job["c"]["present"] else None
            for _, _, d in self._list(job)
        }
        for e, source, destination in self._list(job):
            a, b = zero, zero
            if job["a"]["present"]:
                of_edges = job["a"]["space"] is Space.EDGE
                a = self.read(job["a"], e if of_edges else source, thread)
            if job["b"]["present"]:
                b = self.read(job["b"], destination, thread)
            u = fixed.leaky_relu(fixed.saturate(a + b, 16), slope)
            if references[destination] is not None:
                u = self.power(references[destination] - u & 0xFFFF)
            if job["d"]["present"]:
                self.write(job["d"], e, thread, u)
            if job["r"]["present"]:
                r = self.read(job["r"], destination, thread)
                r = np.maximum(r, u) if job["maximum"] else fixed.wrap32(r + u)
                self.write(job["r"], destination, thread, r)
        runs = len({destination for _, _, destination in self._list(job)})
        reads = max(1, sum(job[name]["present"] for name in "bcr"))
        return int(-(-n // self.p.score_lanes) * (job["edges"] + runs * (reads - 1)))

    def power(self, t: Integers) -> Integers:
        """EXP2N by the table that is loaded."""
        k, f = t >> 8, t & 255
        shift = np.minimum(k, 40)
        rounded = self.powers[f] + (1 << shift >> 1) >> shift
        return (rounded + (1 << 15) & 0xFFFF) - (1 << 15)

    def _reciprocal(self, job: dict[str, Any]) -> int:
        for row in range(job["rows"]):
            a = self.read(job["a"], row, 0)
            constants = []
            for value in a.tolist():
                k = value.bit_length() - 1
                m = ((1 << k + 15) + value // 2) // value if value > 0 else 0
                constants.append(m | (k + 15) << 16 if value > 0 else 0)
            self.write(job["d"], row, 0, np.array(constants))
        return int(job["rows"] * job["d"]["elements"])

    def _elements(self, job: dict[str, Any]) -> int:
        op, p, thread, n = job["op"], self.p, job["thread"], job["d"]["elements"]
        by_element = op in (Opcode.ADD, Opcode.SUB, Opcode.MUL, Opcode.AXPY)
        used = [job["d"]] + [job["a"]] * (op is not Opcode.FILL) + [job["b"]] * by_element
        for row in range(job["rows"]):
            a = self.read(job["a"], row, thread) if op is not Opcode.FILL else None
            b = self.read(job["b"], row, thread) if by_element else None
            if op is Opcode.RQROW:
                b = self.read(job["b"], row, thread)
            self.write(job["d"], row, thread, self._result(job, a, b, n))
        step = min(per_word(p, each["space"], each["type"]) for each in used)
        outside = [each["space"] is Space.ACCUMULATOR for each in used[1:]]
        turns = max(1, sum(outside), len(outside) - sum(outside))
        return int(job["rows"] * (-(-n // step) * turns + (op is Opcode.RQROW)))

    def _result(self, job: dict[str, Any], a: Any, b: Any, n: int) -> Integers:
        """By exact integers, then wrapped or saturated."""
        op, imm = job["op"], job["imm"] - (job["imm"] >> 23 << 24)
        in_accumulators = job["d"]["space"] is Space.ACCUMULATOR
        wide = job["d"]["space"] is Space.EDGE or job["d"]["type"] is ElementType.I16
        bits = 32 if in_accumulators else 16 if wide else 8
        if op in (Opcode.RQ, Opcode.RQROW):
            m, s = (np.full(n, job["constant"][name]) for name in "ms")
            if op is Opcode.RQROW:
                # i32 of a row, or one for each head.
                heads = np.arange(n) >> job["k"]
                local = job["b"]["space"] is Space.LOCAL or job["k"] == 15
                w = b[np.zeros(n, dtype=np.int64) if local else heads]
                m, s = w & 0xFFFF, w >> 16 & 63
            result = fixed.saturate(a * m + (1 << s >> 1) >> s, bits)
            return np.maximum(result, 0) if job["relu"] else result
        if op is Opcode.LUT8:
            return fixed.lookup(a, self.tables[imm])
        exact = {
            Opcode.FILL: lambda: np.full(n, imm), Opcode.ADD: lambda: a + b,
            Opcode.SUB: lambda: a - b, Opcode.MUL: lambda: a * b,
            Opcode.AXPY: lambda: (a << job["k"]) + b * imm,
            Opcode.LRELU: lambda: fixed.leaky_relu(a, imm), Opcode.FIXMIN: lambda: fixed.fixmin(a),
        }[op]()  # fmt: skip
        return fixed.wrap32(exact) if in_accumulators else fixed.saturate(exact, bits)
