"""Properties are decided right: true ones proved, wrong ones refuted by a run that can be replayed.

Of each method a property of the house that holds, and the same of hardware with a mistake.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal

from gatewright.errors import CheckFailed
from gatewright.flows.formal.counterexample import replay
from gatewright.flows.formal.prove import prove
from gatewright.generators.formal import Always, Claim, Computed, Finding, ForEvery, Property
from gatewright.generators.modred.config import ModredConfig
from gatewright.generators.modred.properties import every_residue
from gatewright.generators.stream_claims import alive, conserves, stable
from gatewright.hw.fabric.fifo import StreamFIFO, StreamFIFOParameters
from gatewright.hw.modred.lut import Lut

PARAMETERS = StreamFIFOParameters(2, 2)


class Leaky(StreamFIFO):
    """Takes a payload that it has no place for."""

    def body(self) -> Module:
        m = Module()
        payload, valid = Signal(2), Signal()
        m.d.comb += [self.i.ready.eq(1), self.o.valid.eq(valid), self.o.payload.eq(payload)]
        with m.If(self.i.valid):
            m.d.sync += [payload.eq(self.i.payload), valid.eq(1)]
        with m.Elif(self.o.ready):
            m.d.sync += valid.eq(0)
        return m


class Stuck(StreamFIFO):
    """Gives no payload after three."""

    def body(self) -> Module:
        m = Module()
        m.submodules.inner = inner = StreamFIFO(self.p)
        given, over = Signal(2), Signal()
        m.d.comb += over.eq(given == 3)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += given.eq(given + 1)
        m.d.comb += [
            inner.i.valid.eq(self.i.valid), inner.i.payload.eq(self.i.payload),
            self.i.ready.eq(inner.i.ready), self.o.payload.eq(inner.o.payload),
            self.o.valid.eq(inner.o.valid & ~over), inner.o.ready.eq(self.o.ready & ~over),
        ]  # fmt: skip
        return m


class Late(StreamFIFO):
    """As it should be; withholds what it has offered every other cycle."""

    def body(self) -> Module:
        m = Module()
        m.submodules.inner = inner = StreamFIFO(self.p)
        phase = Signal()
        m.d.sync += phase.eq(~phase)
        m.d.comb += [
            inner.i.valid.eq(self.i.valid), inner.i.payload.eq(self.i.payload),
            self.i.ready.eq(inner.i.ready), self.o.payload.eq(inner.o.payload),
            self.o.valid.eq(inner.o.valid & phase), inner.o.ready.eq(self.o.ready & phase),
        ]  # fmt: skip
        return m


def decided(tmp_path: Path, method: Always | ForEvery | Computed) -> dict[str, Any]:
    """What the report says of one property."""
    try:
        prove("a test", {}, [Property("x.y", "it is so", method)], tmp_path, seconds=30)
    except CheckFailed as failure:
        assert str(failure).startswith("x.y: ")
    report = json.loads((tmp_path / "report.json").read_bytes())
    (found,) = report["properties"]
    assert report["counts"][found["verdict"]] == 1
    return dict(found)


def refuted(tmp_path: Path, method: Always | ForEvery) -> dict[str, Any]:
    """The same of a wrong property, whose counterexample must run and have a waveform."""
    found = decided(tmp_path, method)
    assert found["verdict"] == "refuted"
    folder = tmp_path / found["counterexample"]
    with pytest.raises(CheckFailed, match=r"^x\.y: "):
        replay(folder)
    with pytest.raises(CheckFailed):
        runpy.run_path(str(folder / "test_counterexample.py"))["test_x_y"]()
    return found


@pytest.mark.parametrize(
    "rule",
    [stable(lambda: StreamFIFO(PARAMETERS), 2), conserves(lambda: StreamFIFO(PARAMETERS), 2),
     alive(lambda: StreamFIFO(PARAMETERS), 2, 1)],
    ids=["stable", "conserves", "alive"],
)  # fmt: skip
def test_a_queue_keeps_the_rules(tmp_path: Path, rule: Any) -> None:
    assert decided(tmp_path, Always(rule))["verdict"] == "proved"


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "rule",
    [stable(lambda: Late(PARAMETERS), 2), conserves(lambda: Leaky(PARAMETERS), 2),
     alive(lambda: Stuck(PARAMETERS), 2, 1)],
    ids=["withdraws", "loses", "hangs"],
)  # fmt: skip
def test_a_broken_queue_is_refuted(tmp_path: Path, rule: Any) -> None:
    found = refuted(tmp_path, Always(rule))
    waves = (tmp_path / found["counterexample"] / "waves.vcd").read_text()
    assert "o_ready" in waves and "#10" in waves
    stimulus = json.loads(
        (tmp_path / found["counterexample"] / "stimulus.json").read_bytes()
    )
    assert len(stimulus["inputs"]["i_valid"]) == found["depth"] > 1


def claim_sum(wrong: bool, claim: Claim) -> None:
    a, b = claim.free(6, "a"), claim.free(6, "b")
    claim.assume(b != 0)
    claim.hold((a + b - b) == Mux(wrong & (a == 41) & (b == 3), 0, a))


def test_a_claim_without_state(tmp_path: Path) -> None:
    assert decided(tmp_path / "right", Always(partial(claim_sum, False)))["verdict"] == "proved"
    found = refuted(tmp_path / "wrong", Always(partial(claim_sum, True)))
    values = json.loads((tmp_path / "wrong" / "counterexample-x.y" / "stimulus.json").read_bytes())
    assert values["inputs"] == {"a": [41], "b": [3]}
    assert found["engine"] == "iprove"


def claim_step(wrong: bool, claim: Claim) -> None:
    """An accumulator that starts anywhere."""
    total, expected = Signal(8, reset_less=True), Signal(8, reset_less=True)
    step = claim.free(4, "step")
    claim.m.d.sync += [
        total.eq(total + step),
        expected.eq(total + step + (wrong & (step == 9) & (total == 200))),
    ]  # fmt: skip
    claim.hold(total == expected)


def test_a_step_from_any_state(tmp_path: Path) -> None:
    right = Always(partial(claim_step, False), bound=1, inductive=True)
    assert decided(tmp_path / "right", right)["verdict"] == "proved"
    wrong = Always(partial(claim_step, True), bound=1, inductive=True)
    # From one state of 256: whether a simulator starts there is a matter of luck.
    assert decided(tmp_path / "wrong", wrong)["verdict"] == "refuted"


def test_a_step_begins_at_what_no_reset_leads_to(tmp_path: Path) -> None:
    def write(claim: Claim) -> None:
        total = Signal(4)
        claim.m.d.sync += total.eq(total + 2)
        claim.hold(total != 3)

    assert decided(tmp_path / "ever", Always(write))["verdict"] == "proved"
    step = Always(write, bound=1, inductive=True)
    assert decided(tmp_path / "step", step)["verdict"] == "refuted"


def claim_delay(claim: Claim) -> None:
    """A value comes out of three registers, whatever was in them."""
    m = claim.m
    value, late = claim.free(4, "value"), []
    for chain in ("here", "there"):
        last = value if chain == "here" else ~value
        for rank in range(3):
            after = Signal(4, name=f"{chain}_{rank}", reset_less=True)
            m.d.sync += after.eq(last)
            last = after
        late.append(last)
    claim.hold(late[0] == ~late[1])


def test_a_step_of_several_cycles(tmp_path: Path) -> None:
    for cycles, verdict in ((2, "refuted"), (3, "proved")):
        method = Always(claim_delay, bound=cycles, inductive=True)
        found = decided(tmp_path / str(cycles), method)
        assert (found["verdict"], found["engine"]) == (verdict, "induction")


def test_a_bound_is_told(tmp_path: Path) -> None:
    def write(claim: Claim) -> None:
        count = Signal(8)
        claim.m.d.sync += count.eq(count + 1)
        claim.hold(count != 20)

    found = decided(tmp_path / "short", Always(write, bound=15))
    assert (found["verdict"], found["depth"]) == ("bounded", 15)
    found = refuted(tmp_path / "long", Always(write, bound=25))
    assert found["depth"] == 21


@pytest.mark.thorough
def test_a_run_that_is_found_late(tmp_path: Path) -> None:
    """By the engine for proofs, on a circuit that has fewer registers by then."""

    def write(claim: Claim) -> None:
        count, twin = Signal(5), Signal(5)
        claim.m.d.sync += [count.eq(count + 1), twin.eq(twin + 1)]
        claim.hold((count != 20) | (twin != count))

    found = refuted(tmp_path, Always(write))
    assert (found["engine"], found["depth"]) == ("pdr", 21)


class Wrong(Lut):
    """A reducer that is wrong for one operand."""

    def body(self) -> Module:
        m = Module()
        m.submodules.right = right = Lut(self.p)
        m.d.comb += [
            right.i.payload.eq(self.i.payload), right.i.valid.eq(self.i.valid),
            self.i.ready.eq(right.i.ready), self.o.valid.eq(right.o.valid),
            right.o.ready.eq(self.o.ready),
            self.o.payload.r.eq(right.o.payload.r ^ (self.i.payload.x == 777)),
        ]  # fmt: skip
        return m


@pytest.mark.thorough
def test_every_operand_of_a_reducer(tmp_path: Path) -> None:
    p = ModredConfig(modulus=29, architecture="lut", pipeline="none").reducer
    assert decided(tmp_path / "right", every_residue(p, p.create))["cases"] == 1 << p.width
    refuted(tmp_path / "wrong", every_residue(p, lambda: Wrong(p)))
    told = json.loads((tmp_path / "wrong" / "counterexample-x.y" / "stimulus.json").read_bytes())
    assert told["inputs"] == {"x": [777]} and told["expected"] == {"r": 777 % 29}


def test_ports_against_a_wrong_table(tmp_path: Path) -> None:
    from gatewright.generators.salo.properties import Exponential, _fractions
    from gatewright.hw.salo.exponential import HW8_LINES

    def expected(given: Mapping[str, Any]) -> dict[str, Any]:
        line = 2 ** (given["fraction"] / 1024) * 128
        return {"result": np.floor(line).astype(np.int64)}

    found = refuted(
        tmp_path,
        ForEvery(partial(Exponential, HW8_LINES), partial(_fractions, HW8_LINES), expected),
    )
    assert (tmp_path / found["counterexample"] / "waves.vcd").read_text().startswith("$timescale")


def test_a_computed_check(tmp_path: Path) -> None:
    assert decided(tmp_path, Computed(lambda: Finding(3, ["fine"])))["cases"] == 3
    found = decided(tmp_path, Computed(lambda: Finding(2, [], {"at": 1})))
    case = tmp_path / found["counterexample"] / "case.json"
    assert json.loads(case.read_bytes()) == {"at": 1}


def test_too_little_time_is_unknown(tmp_path: Path) -> None:
    def write(claim: Claim) -> None:
        a, b, c = (claim.free(24, name) for name in "abc")
        claim.hold((a * (b + c))[:24] == (b * a + a * c)[:24])

    with pytest.raises(CheckFailed, match=r"^x\.y: unknown after"):
        prove("a test", {}, [Property("x.y", "hard", Always(write))], tmp_path, seconds=1)
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["verdict"] == "unknown" and report["counts"]["proved"] == 0
