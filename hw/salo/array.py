"""The array: rows of processing elements, keys and values along their diagonals."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..unit import Unit
from .array_parameters import ArrayParameters
from .row import Row
from .stages import Stage

__all__ = ["SaloArray", "row_sums"]


def row_sums(p: ArrayParameters) -> data.StructLayout:
    """What a row or a rider passes on at its right end."""
    formats = p.datapath
    return data.StructLayout({
        "maximum": signed(formats.exp_bits), "seen": 1, "saturated": 1,
        "sum": signed(formats.sum_bits),
    })  # fmt: skip


class SaloArray(Unit):
    """``m, l, num[c]`` of a tile for each row, over the keys that its columns meet.

    Element (i, j) of segment s, with columns counted within the segment, meets the query of row i
    and the key of port ``i - j + Cs - 1`` of the segment, ``Cs = p.segment_cols``; element x of the
    gather columns meets the key of port (i, x). Rider g, at column j, meets what the last row met
    there, or what its own port brings. Keys are scanned from left to right.

    Members
    -------
    stage : In(Stage), shift : In(shift_bits)
        Control, the same for all rows and riders. Stage c of a tile (0 … T-1, ``T = dk + dv + 2``)
        is at the input in cycle ``t0 + c``; the next tile's may follow at once, or IDLE. ``shift``
        is ``f - p.datapath.shift_least``, steady from FIRST to SUM.
    q : In(rows of signed(q_bits))
        Element c of the queries, in cycle ``t0 + c``, c < dk.
    kv : In(segments of ports of signed(kv_bits))
        Element c of the key in cycle ``t0 + d + c``, c < dk, and of the value in cycle ``t0 + d +
        dk + 2 + c``, c < dv; ``d = p.kv_delay(segment, port)``. What comes in the two cycles
        between does not matter.
    gather : In(rows of columns of signed(kv_bits))
        The same, with ``d = p.gather_delay(x)``. Only if there are gather columns.
    allowed : In(rows of bits for each column, gather columns last)
        Bit j of every row in cycle ``t0 + j``, with the key's first element; at other times it
        does not matter. Nothing of a pair that is not allowed gets into sums.
    wrap : In(1)
        In cycle ``t0 + c`` of a tile: port ``p < Cs - 1`` has the key of port ``p + Cs``, and that
        one's feed serves both. Only with a torus.
    rider_q : In(riders of signed(q_bits))
        Element c of the query in cycle ``t0 + 1 + g + c``.
    rider_kv : In(riders of columns of signed(kv_bits))
        As ``kv``, with ``d = 1 + g + j``. Only if riders have feeds of their own.
    rider_allowed : In(riders of bits for each column)
        Bit j in cycle ``t0 + 1 + g + j``.
    out_stage : Out(Stage), out : Out(rows of row_sums)
        Stage c of the rows, ``p.latency`` cycles after it was at the input, and with EXP:
        ``maximum``, ``seen`` (a key counted) and ``saturated`` (a logit did not fit), with SUM:
        ``sum`` = l, with VALUE: ``sum`` = num[c].
    rider_stage : Out(riders of Stage), rider_out : Out(riders of row_sums)
        The same of each rider, ``p.rider_latency(g)`` cycles after the stage at the input.

    Notes
    -----
    Source: SALO (DAC 2022), brief sections 2.1, 5.1 and 6, with these outputs instead of a
    normalised sum; segments, gather columns and the torus are the brief's. The key that leaves
    element (R-1, j) at the bottom is that of ``port R-1-j+Cs-1 = 2 Cs-2-j``; in a circulant tile
    ``port p`` and ``port p + Cs`` carry the same key, and port ``Cs-2-j`` enters element (0, j+1)
    in that very cycle.
    """

    p: ArrayParameters

    def __init__(self, p: ArrayParameters) -> None:
        formats = p.datapath
        kv, q, sums = signed(formats.kv_bits), signed(formats.q_bits), row_sums(p)
        layout = data.ArrayLayout
        members: dict[str, In | Out] = {
            "stage": In(Stage), "shift": In(formats.shift_bits),
            "q": In(layout(q, p.rows)), "kv": In(layout(layout(kv, p.ports), p.segments)),
            "allowed": In(layout(p.cols + p.gather, p.rows)),
            "out_stage": Out(Stage), "out": Out(layout(sums, p.rows)),
        }  # fmt: skip
        if p.gather:
            members["gather"] = In(layout(layout(kv, p.gather), p.rows))
        if p.torus:
            members["wrap"] = In(1)
        if p.global_rows:
            members |= {
                "rider_q": In(layout(q, p.global_rows)),
                "rider_allowed": In(layout(p.cols, p.global_rows)),
                "rider_stage": Out(layout(Stage, p.global_rows)),
                "rider_out": Out(layout(sums, p.global_rows)),
            }
        if p.private:
            members["rider_kv"] = In(layout(layout(kv, p.cols), p.global_rows))
        super().__init__(p, members)

    def body(self) -> Module:
        m = Module()
        p = self.p
        rows = []
        for i in range(p.rows):
            m.submodules[f"row_{i}"] = row = Row(p.row)
            rows.append(row)
        for i, row in enumerate(rows):
            m.d.comb += [
                row.stage.eq(self.stage), row.shift.eq(self.shift), row.q.eq(self.q[i]),
                row.allowed.eq(self.allowed[i]),
            ]  # fmt: skip
            self._connect_sums(m, row, self.out[i])
            for x in range(p.gather):
                m.d.comb += row.kv[p.cols + x].eq(self.gather[i][x])
        self._feed(m, rows)
        m.d.comb += self.out_stage.eq(self._settled(m, rows[0].stage_next, "rows"))
        self._add_riders(m, rows[-1])
        return m

    def _connect_sums(self, m: Module, row: Row, out: data.View) -> None:
        for name in ("maximum", "seen", "saturated", "sum"):
            m.d.comb += out[name].eq(getattr(row, name))

    def _feed(self, m: Module, rows: list[Row]) -> None:
        """Lead keys and values down the diagonals."""
        p = self.p
        wraps = self._wraps(m) if p.torus else []
        for i, row in enumerate(rows):
            for j in range(p.cols):
                segment, column = divmod(j, p.segment_cols)
                ports = self.kv[segment]
                word: Value = ports[i - column + p.segment_cols - 1]
                if column and i:
                    word = rows[i - 1].kv_next[j - 1]
                elif column and p.torus:
                    word = Mux(wraps[j], rows[-1].kv_next[j - 1], word)
                m.d.comb += row.kv[j].eq(word)

    def _wraps(self, m: Module) -> list[Value]:
        """``wrap`` as each column needs it."""
        later = Signal(self.p.cols - 1, name="wrap_later", reset_less=True)
        columns = Cat(self.wrap, later)
        m.d.sync += later.eq(columns[:-1])
        return list(columns)

    def _settled(self, m: Module, stage: Value, name: str) -> Value:
        """The stage whose results the element has by now, from the one that it is at."""
        for step in range(1 + self.p.datapath.pipeline):
            after = Signal(Stage, name=f"{name}_stage_{step}")
            m.d.sync += after.eq(stage)
            stage = after
        return stage

    def _add_riders(self, m: Module, above: Row) -> None:
        p = self.p
        stage: Value = self.stage
        shift: Value = self.shift
        for g in range(p.global_rows):
            m.submodules[f"rider_{g}"] = rider = Row(p.rider)
            stage_after = Signal(Stage, name=f"rider_{g}_control")
            shift_after = Signal(p.datapath.shift_bits, name=f"rider_{g}_shift", reset_less=True)
            m.d.sync += [stage_after.eq(stage), shift_after.eq(shift)]
            stage, shift = stage_after, shift_after
            m.d.comb += [
                rider.stage.eq(stage), rider.shift.eq(shift), rider.q.eq(self.rider_q[g]),
                rider.allowed.eq(self.rider_allowed[g]),
                self.rider_stage[g].eq(self._settled(m, rider.stage_next, f"rider_{g}")),
            ]  # fmt: skip
            for j in range(p.cols):
                word = self.rider_kv[g][j] if p.private else above.kv_next[j]
                m.d.comb += rider.kv[j].eq(word)
            self._connect_sums(m, rider, self.rider_out[g])
            above = rider
