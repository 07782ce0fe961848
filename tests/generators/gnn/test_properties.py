"""Each kind of claim of gnn is refuted where the hardware is wrong in one way."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal, Value

from gatewright.generators.gnn import burst_claims, dispatch_claims, interval_claims
from gatewright.generators.gnn import properties as gnn
from gatewright.generators.gnn.config import GnnConfig
from gatewright.hw.gnn import burst_splitter
from gatewright.hw.gnn.burst_splitter import BurstSplitter
from gatewright.hw.gnn.dispatcher import Dispatcher
from gatewright.hw.gnn.interval_context import IntervalContext
from gatewright.hw.gnn.read_arbiter import ReadArbiter
from gatewright.tests.generators.refuting import around, refuted, refuted_of

TINY = GnnConfig(preset="tiny").parameters()


def end_at_once(m: Module, outer: Any, inner: Any) -> None:
    """Count every task as over as soon as it is handed out."""
    m.d.comb += inner.ended.eq(inner.tasks.valid & inner.tasks.ready)


EARLY = around(IntervalContext, end_at_once, "ended")


def test_a_phase_that_opens_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_claims, "IntervalContext", EARLY)
    refuted(tmp_path, partial(interval_claims.opens_in_order, TINY, 0))


def test_a_record_that_makes_two_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def double(m: Module, outer: Any, inner: Any) -> None:
        # The first record after a reset comes twice.
        again, over = Signal(), Signal()
        m.d.sync += [again.eq(outer.arrived & ~over), over.eq(over | outer.arrived)]
        m.d.comb += inner.arrived.eq(outer.arrived | again)

    variant = around(IntervalContext, double, "arrived")
    monkeypatch.setattr(interval_claims, "IntervalContext", variant)
    refuted(tmp_path, partial(interval_claims.uses_in_order, TINY))


def test_an_arbiter_that_grants_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Generous(ReadArbiter):
        def body(self) -> Module:
            m = super().body()
            with m.If(self.rows.valid & self.requests.ready):
                m.d.comb += self.rows.ready.eq(1)
            return m

    monkeypatch.setattr(gnn, "ReadArbiter", Generous)
    refuted(tmp_path, partial(gnn.arbitrates, TINY))


def test_a_decoder_claim_that_asks_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gnn, "SCALAR", 3)
    refuted(tmp_path, partial(gnn.decodes, TINY))


def all_of_context(number: int) -> type[Any]:
    """Return a dispatcher whose tasks all bear the name of one of two intervals."""

    def change(m: Module, outer: Any, inner: Any) -> None:
        own, other = outer.tasks.payload, inner.tasks.payload
        m.d.comb += [Value.cast(own).eq(Value.cast(other)), own.context.eq(number)]

    return around(Dispatcher, change, "tasks__payload")


def idle_at_work(m: Module, outer: Any, inner: Any) -> None:
    """Be over, for a cycle, behind each task that is handed out, unless one more is offered."""
    given = Signal()
    m.d.sync += given.eq(inner.tasks.valid & inner.tasks.ready)
    m.d.comb += outer.running.eq(inner.running & (~given | inner.tasks.valid))


def idle_at_first(m: Module, outer: Any, inner: Any) -> None:
    """Be over while the first task after a reset is offered."""
    given = Signal()
    m.d.sync += given.eq(given | (inner.tasks.valid & inner.tasks.ready))
    m.d.comb += outer.running.eq(inner.running & (given | ~inner.tasks.valid))


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        pytest.param(all_of_context(0), "contexts", id="first", marks=pytest.mark.thorough),
        pytest.param(all_of_context(1), "contexts", id="second", marks=pytest.mark.thorough),
        pytest.param(around(Dispatcher, idle_at_work, "running"), "running", id="idle at work"),
        pytest.param(around(Dispatcher, idle_at_first, "running"), "running", id="idle at first"),
    ],
)
def test_a_dispatcher_that_confuses_its_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: type[Any], what: str
) -> None:
    monkeypatch.setattr(dispatch_claims, "Dispatcher", wrong)
    claim = f"dispatcher.{what}"
    assert refuted_of(tmp_path, dispatch_claims.dispatch_properties(TINY), claim) == {claim}


def other_bursts(m: Module, outer: Any, inner: Any, **fields: Any) -> None:
    own, other = outer.bursts.payload, inner.bursts.payload
    m.d.comb += [
        Value.cast(own).eq(Value.cast(other)),
        *(own[name].eq(value) for name, value in fields.items()),
    ]


def without_an_end(m: Module, outer: Any, inner: Any) -> None:
    other_bursts(m, outer, inner, last=0)


def a_beat_on(m: Module, outer: Any, inner: Any) -> None:
    beat = outer.p.bus_bytes
    other_bursts(m, outer, inner, address=inner.bursts.payload.address + beat)


def a_byte_on(m: Module, outer: Any, inner: Any) -> None:
    other_bursts(m, outer, inner, address=inner.bursts.payload.address | 1)


def a_beat_short(m: Module, outer: Any, inner: Any) -> None:
    length = inner.bursts.payload.length
    other_bursts(m, outer, inner, length=length - length.any())


def as_the_next(m: Module, outer: Any, inner: Any) -> None:
    """Change while waiting, and end well all the same."""
    last = inner.bursts.payload.last ^ (outer.rows.valid & ~outer.bursts.ready)
    other_bursts(m, outer, inner, last=last)


def taken_and_lost(m: Module, outer: Any, inner: Any) -> None:
    """Take a row whether or not there is room for it."""
    m.d.comb += outer.rows.ready.eq(1)


@pytest.mark.thorough
@pytest.mark.one_in(8)
@pytest.mark.parametrize(
    ("change", "port", "what"),
    [
        (without_an_end, "bursts__payload", {"rows"}),
        (a_beat_on, "bursts__payload", {"rows", "within"}),
        (a_byte_on, "bursts__payload", {"within"}),
        (a_beat_short, "bursts__payload", {"rows"}),
        (as_the_next, "bursts__payload", {"rows", "stable"}),
        (taken_and_lost, "rows__ready", {"rows"}),
    ],
)
def test_a_splitter_of_bad_bursts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, port: str, what: set[str]
) -> None:
    monkeypatch.setattr(burst_claims, "BurstSplitter", around(BurstSplitter, change, port))
    asked = {f"bursts.{each}" for each in ("stable", "within", *what)}
    found = refuted_of(tmp_path, burst_claims.burst_properties(4, 1024), *asked)
    assert found == {f"bursts.{each}" for each in what}


def test_a_splitter_into_blocks_of_8_kib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = burst_splitter.burst_beats
    monkeypatch.setattr(burst_splitter, "burst_beats", lambda beat: 2 * right(beat))
    claims = burst_claims.burst_properties(1024, 8)
    assert refuted_of(tmp_path, claims, "bursts.stable", "bursts.within") == {"bursts.within"}
