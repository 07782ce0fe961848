"""Each kind of claim is refuted where the hardware is wrong, or the claim says another thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal, Value

from gatewright.errors import CheckFailed
from gatewright.flows.formal.prove import prove
from gatewright.generators import arbiter_claims
from gatewright.generators.flint import properties as flint
from gatewright.generators.formal import Always, Claim, Computed, Property
from gatewright.generators.gnn import interval_claims
from gatewright.generators.gnn import properties as gnn
from gatewright.generators.gnn.config import GnnConfig
from gatewright.generators.modred import properties as modred
from gatewright.generators.modred.config import ModredConfig
from gatewright.generators.salo import feeder_claims
from gatewright.generators.salo import properties as salo
from gatewright.generators.salo.config import SaloConfig
from gatewright.generators.salo.design import parameters as salo_parameters
from gatewright.generators.tpe import element_claims
from gatewright.generators.tpe import properties as tpe
from gatewright.hw.arith.digit_encoder import DigitEncoder, DigitEncoderParameters, Encoding
from gatewright.hw.fabric.arbiter import PriorityArbiter
from gatewright.hw.flint.datapath import PlainDatapath
from gatewright.hw.flint.types import NumberFormat, OperandFormats, TypeKind
from gatewright.hw.gnn.interval_context import IntervalContext
from gatewright.hw.gnn.read_arbiter import ReadArbiter
from gatewright.hw.salo.exponential import HW8_LINES
from gatewright.hw.salo.token_selector import TokenSelector
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.digit_selector import DigitSelector, DigitSelectorParameters
from gatewright.hw.tpe.laconic import Laconic
from gatewright.hw.tpe.opt1 import Opt1
from gatewright.hw.tpe.opt2 import Opt2, Opt2Parameters
from gatewright.hw.tpe.parameters import OperandParameters

Write = Callable[[Claim], None]
INT4 = OperandFormats((NumberFormat(TypeKind.INT, 4, True),))
FLINT4 = OperandFormats((NumberFormat(TypeKind.FLINT, 4, False),))


def verdict(tmp_path: Path, method: Always | Computed) -> str:
    tmp_path.mkdir(exist_ok=True)
    try:
        prove("a test", {}, [Property("claim", "so", method)], tmp_path, seconds=40)
    except CheckFailed as failure:
        assert "claim: " in str(failure)
    (found,) = json.loads((tmp_path / "report.json").read_bytes())["properties"]
    return str(found["verdict"])


def refuted(
    tmp_path: Path, write: Write, *, inductive: bool = False, cycles: int = 1
) -> None:
    method = Always(write, bound=cycles, inductive=True) if inductive else Always(write)
    assert verdict(tmp_path, method) == "refuted"


def wired(m: Module, outer: Any, inner: Any, *left_out: str) -> None:
    """Connect all plain ports of a unit to those of one inside, but for some."""
    for name, member in outer.signature.members.items():
        if name in left_out or not member.is_port:
            continue
        ends = getattr(outer, name), getattr(inner, name)
        source, target = ends if member.flow.name == "In" else ends[::-1]
        m.d.comb += Value.cast(target).eq(Value.cast(source))


def test_a_decoder_is_not_another_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = flint.decode_table
    monkeypatch.setattr(flint, "decode_table", lambda *form: [*right(*form)[:-1], 3])
    refuted(tmp_path, partial(flint.decodes, FLINT4))


def test_an_encoder_rounds_ties_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Ties down: each midpoint is one half-unit further up.
    right = flint.pairwise
    monkeypatch.setattr(
        flint, "pairwise", lambda steps: ((low, high + 1) for low, high in right(steps))
    )
    refuted(tmp_path, partial(flint.encodes, FLINT4))


def test_an_element_with_one_wrong_product(tmp_path: Path) -> None:
    class Wrong(PlainDatapath):
        def addend(self, m: Module, activation: Any, weight: Any) -> Any:
            addend, carry = super().addend(m, activation, weight)
            return addend ^ (activation.value == 5), carry

    refuted(tmp_path, partial(flint.accumulates, Wrong(INT4, INT4)), inductive=True)


def test_a_reducer_of_another_modulus(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Claimed:
        p: Any
        modulus: int = 93

        def __getattr__(self, name: str) -> Any:
            return getattr(self.p, name)

    p = ModredConfig(modulus=91, architecture="lut", pipeline="none").reducer
    refuted(tmp_path, partial(modred.divides, Claimed(p)))


def test_digits_of_another_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tpe, "DigitEncoder", lambda p: DigitEncoder(replace(p, encoding=Encoding.BOOTH))
    )
    p = DigitEncoderParameters(Encoding.NAF, 6, True)
    refuted(tmp_path, partial(tpe.encodes, p))


def test_an_element_of_the_other_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operands = OperandParameters(4, True, 4, True)
    other = OperandParameters(4, True, 4, False)
    monkeypatch.setattr(element_claims, "Opt1", lambda p: Opt1(replace(p, operands=other)))
    write = partial(element_claims.step, operands, Encoding.BOOTH, Correction.EXACT)
    refuted(tmp_path, write, inductive=True)


def test_a_tile_that_adds_one_product_too_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf(Opt2):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = Opt2(self.p)
            wired(m, self, inner, "b")
            m.d.comb += [inner.b[0].eq(self.b[0]), inner.b[1].eq(self.b[1] & ~1)]
            return m

    monkeypatch.setattr(element_claims, "Opt2", Deaf)
    p = Opt2Parameters(operands=OperandParameters(2, True, 2, True), accumulator_width=6, depth=2)
    refuted(tmp_path, partial(element_claims.tile_step, p), inductive=True, cycles=p.latency)


def test_an_element_whose_terms_have_one_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Positive(Laconic):
        def _product(self, m: Module, lane: int) -> Any:
            one, _, exponent = super()._product(m, lane)
            return one, Const(0, 1), exponent

    monkeypatch.setattr(element_claims, "Laconic", Positive)
    refuted(
        tmp_path, partial(element_claims.laconic_step, 1), inductive=True,
        cycles=element_claims.LATENCY,
    )  # fmt: skip


def test_a_selector_that_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hasty(DigitSelector):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = DigitSelector(self.p)
            wired(m, self, inner, "enable")
            m.d.comb += inner.enable.eq(1)
            return m

    monkeypatch.setattr(tpe, "DigitSelector", Hasty)
    refuted(tmp_path, partial(tpe.selects, DigitSelectorParameters(group=3)))


def test_a_merge_that_cuts_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        salo, "rounded_sum", lambda m, base, moved, amount: base + (moved.as_signed() >> amount)
    )
    refuted(tmp_path, partial(salo.exact_merge, salo.MergeParameters(4, 6)))


def test_an_exponential_that_falls(tmp_path: Path) -> None:
    starts = HW8_LINES.intercepts
    lines = replace(HW8_LINES, intercepts=(*starts[:3], starts[3] - 12, *starts[4:]))
    refuted(tmp_path, partial(salo.rises, lines))


def test_tiles_of_another_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SaloConfig(rows=4, cols=4)
    causal, band = (salo._PATTERNS[name] for name in ("causal", "band"))
    schedule = salo.make_schedule
    monkeypatch.setattr(salo, "make_schedule", lambda pattern, shape: schedule(band(), shape))
    assert verdict(tmp_path, Computed(partial(salo._covered, config, causal))) == "refuted"


def test_a_phase_that_opens_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Early(IntervalContext):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = IntervalContext(self.p)
            wired(m, self, inner, "ended")
            started = inner.tasks.valid & inner.tasks.ready
            for name in ("tasks", "wanted"):
                own, other = getattr(self, name), getattr(inner, name)
                m.d.comb += [
                    own.valid.eq(other.valid), other.ready.eq(own.ready),
                    Value.cast(own.payload).eq(Value.cast(other.payload)),
                ]  # fmt: skip
            # Every task counts as over as soon as it is handed out.
            m.d.comb += inner.ended.eq(started)
            return m

    monkeypatch.setattr(interval_claims, "IntervalContext", Early)
    p = GnnConfig(preset="tiny").parameters()
    refuted(tmp_path, partial(interval_claims.opens_in_order, p, 0))


def test_a_record_that_makes_two_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Double(IntervalContext):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = IntervalContext(self.p)
            wired(m, self, inner, "arrived")
            for name in ("tasks", "wanted"):
                own, other = getattr(self, name), getattr(inner, name)
                m.d.comb += [
                    own.valid.eq(other.valid), other.ready.eq(own.ready),
                    Value.cast(own.payload).eq(Value.cast(other.payload)),
                ]  # fmt: skip
            # The first record after a reset comes twice.
            again, over = Signal(), Signal()
            m.d.sync += [again.eq(self.arrived & ~over), over.eq(over | self.arrived)]
            m.d.comb += inner.arrived.eq(self.arrived | again)
            return m

    monkeypatch.setattr(interval_claims, "IntervalContext", Double)
    p = GnnConfig(preset="tiny").parameters()
    refuted(tmp_path, partial(interval_claims.uses_in_order, p))


@pytest.mark.parametrize("claim", ["follows_words", "follows_lists"])
def test_a_selector_of_the_wrong_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: str
) -> None:
    config = SaloConfig(rows=2, cols=2, gather=0, global_rows=0, dk_max=4, dv_max=4, max_tokens=8)
    p = feeder_claims.selector(salo_parameters(config))
    first, second, *rest = p.slots
    swapped = replace(p, slots=(second, first, *rest))
    monkeypatch.setattr(feeder_claims, "TokenSelector", lambda _: TokenSelector(swapped))
    refuted(tmp_path, partial(getattr(feeder_claims, claim), p), inductive=claim != "follows_lists")


def test_an_arbiter_that_grants_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Generous(ReadArbiter):
        def body(self) -> Module:
            m = super().body()
            with m.If(self.rows.valid & self.requests.ready):
                m.d.comb += self.rows.ready.eq(1)
            return m

    monkeypatch.setattr(gnn, "ReadArbiter", Generous)
    p = GnnConfig(preset="tiny").parameters()
    refuted(tmp_path, partial(gnn.arbitrates, p))


def test_an_arbiter_that_lets_another_push_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(PriorityArbiter):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = PriorityArbiter(self.p)
            # It sees that all is taken at once, and so never that anything waits.
            m.d.comb += [inner.first.eq(self.first), inner.o.ready.eq(1)]
            for outer_port, inner_port in zip(self.i, inner.i, strict=True):
                m.d.comb += [
                    inner_port.valid.eq(outer_port.valid),
                    inner_port.payload.eq(outer_port.payload),
                    outer_port.ready.eq(inner_port.ready & self.o.ready),
                ]  # fmt: skip
            m.d.comb += [
                self.o.valid.eq(inner.o.valid), self.o.payload.eq(inner.o.payload),
                self.chosen.eq(inner.chosen),
            ]  # fmt: skip
            return m

    monkeypatch.setattr(arbiter_claims, "PriorityArbiter", Forgetful)
    claims = {claim.name: claim.method for claim in arbiter_claims.arbiter_properties(3)}
    assert verdict(tmp_path / "stable", claims["arbiter-3.stable"]) == "refuted"
    assert verdict(tmp_path / "one", claims["arbiter-3.one"]) == "proved"


def test_a_decoder_claim_that_asks_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gnn, "SCALAR", 3)
    refuted(tmp_path, partial(gnn.decodes, GnnConfig(preset="tiny").parameters()))
