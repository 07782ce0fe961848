"""Each kind of claim is refuted where the hardware is wrong, or the claim says another thing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Value

from gatewright.generators import arbiter_claims
from gatewright.generators.flint import properties as flint
from gatewright.generators.formal import Computed
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
from gatewright.hw.salo.exponential import HW8_LINES
from gatewright.hw.salo.token_selector import TokenSelector
from gatewright.hw.tpe.correction import Correction
from gatewright.hw.tpe.digit_selector import DigitSelector, DigitSelectorParameters
from gatewright.hw.tpe.laconic import Laconic
from gatewright.hw.tpe.opt1 import Opt1
from gatewright.hw.tpe.opt2 import Opt2, Opt2Parameters
from gatewright.hw.tpe.parameters import OperandParameters

from .refuting import around, refuted, refuted_of, verdict

INT4 = OperandFormats((NumberFormat(TypeKind.INT, 4, True),))
FLINT4 = OperandFormats((NumberFormat(TypeKind.FLINT, 4, False),))


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
    def deaf(m: Module, outer: Any, inner: Any) -> None:
        m.d.comb += [inner.b[0].eq(outer.b[0]), inner.b[1].eq(outer.b[1] & ~1)]

    monkeypatch.setattr(element_claims, "Opt2", around(Opt2, deaf, "b"))
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
    def hasty(m: Module, outer: Any, inner: Any) -> None:
        m.d.comb += inner.enable.eq(1)

    monkeypatch.setattr(tpe, "DigitSelector", around(DigitSelector, hasty, "enable"))
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


@pytest.mark.thorough
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


def one_step_more(m: Module, outer: Any, inner: Any) -> None:
    m.d.comb += Value.cast(inner.sources).eq(Value.cast(outer.sources))
    for own, other in zip(outer.sources, inner.sources, strict=True):
        m.d.comb += other.step.eq(own.step + 1)


def one_token_more(m: Module, outer: Any, inner: Any) -> None:
    m.d.comb += inner.limit.eq(outer.limit + 1)


def in_the_lower_half(m: Module, outer: Any, inner: Any) -> None:
    for own, token in zip(outer.address, inner.tokens, strict=True):
        m.d.comb += own.eq(token[:16])


def another_number(m: Module, outer: Any, inner: Any) -> None:
    for own, token in zip(outer.tokens, inner.tokens, strict=True):
        m.d.comb += own.eq(token ^ 1)


def the_next_entry(m: Module, outer: Any, inner: Any) -> None:
    m.d.comb += inner.entry_place.eq(outer.entry_place + 1)


def always_an_entry(m: Module, outer: Any, inner: Any) -> None:
    m.d.comb += inner.entry.eq(outer.entry[:31])


def the_list_before(m: Module, outer: Any, inner: Any) -> None:
    m.d.sync += inner.swap.eq(outer.swap)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("change", "port", "what"),
    [
        (one_step_more, "sources", {"words"}), (one_token_more, "limit", {"words"}),
        (in_the_lower_half, "address", {"words"}), (another_number, "tokens", {"words", "lists"}),
        (the_next_entry, "entry_place", {"lists"}), (always_an_entry, "entry", {"lists"}),
        (the_list_before, "swap", {"lists"}),
    ],
)  # fmt: skip
def test_a_selector_of_other_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, port: str, what: set[str]
) -> None:
    monkeypatch.setattr(feeder_claims, "TokenSelector", around(TokenSelector, change, port))
    found = refuted_of(tmp_path, feeder_claims.feeder_properties(), "feeder.riders")
    assert found == {f"feeder.riders.{each}" for each in what}


def test_an_arbiter_that_lets_another_push_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(m: Module, outer: Any, inner: Any) -> None:
        # It sees that all is taken at once, and so never that anything waits.
        m.d.comb += inner.o.ready.eq(1)
        for own, other in zip(outer.i, inner.i, strict=True):
            m.d.comb += own.ready.eq(other.ready & outer.o.ready)

    variant = around(PriorityArbiter, forgetful, "o__ready", "i__*__ready")
    monkeypatch.setattr(arbiter_claims, "PriorityArbiter", variant)
    claims = arbiter_claims.arbiter_properties(3)
    found = refuted_of(tmp_path, claims, "arbiter-3.stable", "arbiter-3.one")
    assert found == {"arbiter-3.stable"}
