"""Networks that no layer makes: chains that do not fuse, views, values in several phases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.gnn.compiler.compile import compile_lowered
from gatewright.generators.gnn.compiler.ir import (
    Broadcast,
    Concat,
    Elementwise,
    Exponential,
    FromDestination,
    FromSource,
    Gather,
    Input,
    MatMul,
    Reduce,
    Slice,
    SourceScalar,
)
from gatewright.generators.gnn.compiler.lowering.network import Lowered
from gatewright.generators.gnn.formats import ElementType, Opcode
from gatewright.golden.gnn.fixed import Multiplier
from gatewright.verification.gnn.machine import simulate

from .interpreter import interpret
from .networks import EDGE, ROOMY, UNEVEN, random_graph

I8, I16, I32 = ElementType
RNG = np.random.default_rng(7)
SUM, MAX = Reduce.SUM, Reduce.MAX


def places(value):
    """Return the columns of a value that something was written to."""
    if isinstance(value, Concat):
        parts = zip(value.parts, value.starts, strict=True)
        return [start + place for part, start in parts for place in places(part)]
    if isinstance(value, Gather | Elementwise | FromDestination):
        return places(value.a)
    return list(range(value.width))


def given_rows(width):
    return Input(name="x", type=I8, width=width)


def matmul(a, width, type_=I8, name="z", shift=6):
    weights = np.zeros((a.width, width), int)
    weights[places(a)] = RNG.integers(-99, 99, (len(places(a)), width))
    return MatMul(
        name=name, type=type_, width=width, a=a, weights=weights,
        bias=RNG.integers(-999, 999, width), by=Multiplier(1, shift),
    )  # fmt: skip


def op(kind, a, b=None, type_=I16, name="y", **more):
    return Elementwise(name=name, type=type_, width=a.width, op=kind, a=a, b=b, **more)


def rq(a, type_=I8, shift=3):
    return op(Opcode.RQ, a, type_=type_, name="q", by=Multiplier(1, shift))


def source(a):
    return FromSource(name="src", type=I16, width=a.width, a=a)


def target(a):
    return FromDestination(name="dst", type=I16, width=a.width, a=a)


def gather(a, how=SUM, looped=True, **more):
    return Gather(name="g", type=I32, width=a.width, how=how, a=a, looped=looped, **more)


def check(x, output, graph=None, engines=(ROOMY, EDGE, UNEVEN), **options):
    """Return the operations of the shards of the last engine's program."""
    rng = np.random.default_rng(1)
    graph = graph or random_graph(rng, 17, 60)
    codes = rng.integers(-128, 128, (graph.vertices, x.width))
    wanted = interpret(output, graph, codes)[:, places(output)]
    assert len(np.unique(wanted)) > 2
    lowered = Lowered(x, output, tuple(places(output)))
    for p in engines:
        program = compile_lowered(lowered, graph, p, **options)
        assert np.array_equal(simulate(program, codes, seed=3)[0], wanted)
    return [
        " ".join(i.op.name for i in code)
        for each in program.passes for phase, code in each.phases.items() if "GATHER" in phase.name
    ]  # fmt: skip


def test_two_chains_and_a_product_of_their_values():
    x = given_rows(9)
    a, b = matmul(x, 3, I16), matmul(x, 3, I16, "w")
    one = op(Opcode.LRELU, op(Opcode.ADD, source(a), target(b)), imm=5000)
    two = op(Opcode.ADD, target(a), source(b))
    both = op(Opcode.MUL, one, two)
    code = check(x, rq(gather(both), shift=9), hoist="all")
    assert code == ["LDV EDGE LDV EDGE MUL EDGE END"]


def test_scores_that_are_used_twice_are_computed_once():
    x = given_rows(6)
    z = matmul(x, 8)
    a, b = matmul(x, 4, I16, "a"), matmul(x, 4, I16, "b")
    score = op(Opcode.LRELU, op(Opcode.ADD, source(a), target(b)), imm=9000)
    peak = gather(score, MAX)
    power = Exponential(name="p", type=I16, width=4, a=score, maximum=peak, bits=9)
    total = gather(power)
    weighted = gather(z, scale=power, shift=1)
    unweighted = gather(score)
    parts = tuple(
        rq(each, shift=shift) for each, shift in ((total, 6), (weighted, 11), (unweighted, 3))
    )
    code = check(x, Concat.of("out", parts, 64), hoist="all")
    assert code[0] == "LDV EDGE EDGE END" and code[1].count("EDGE") == 1


def test_chains_in_an_order_that_the_unit_has_not():
    x = given_rows(4)
    a, b = matmul(x, 5, I16, shift=5), matmul(x, 5, I16, "w", shift=5)
    late = op(Opcode.ADD, op(Opcode.LRELU, source(a), imm=1 << 14), target(b))
    twice = op(Opcode.LRELU, op(Opcode.LRELU, late, imm=1 << 13), imm=1 << 14)
    steep = op(Opcode.LRELU, twice, imm=-3)
    targets = op(Opcode.ADD, target(a), target(b))
    sources = op(Opcode.ADD, source(a), source(b))
    mixed = op(Opcode.SUB, op(Opcode.ADD, targets, sources), steep)
    peak = gather(mixed, MAX)
    power = Exponential(name="p", type=I16, width=5, a=mixed, maximum=peak, bits=12)
    again = Exponential(name="p2", type=I16, width=5, a=power, maximum=peak, bits=12)
    out = op(Opcode.ADD, rq(gather(power), shift=8), rq(gather(again), shift=9), type_=I8)
    for hoist in ("none", "all"):
        check(x, out, hoist=hoist)


@pytest.mark.parametrize("how", Reduce)
@pytest.mark.parametrize("type_", [I8, I16])
def test_rows_of_sources_need_nothing_on_edges(how, type_):
    x = given_rows(5)
    rows = matmul(x, 11, type_, shift=5)
    for each in (rows, source(rows)):
        code = check(x, rq(gather(each, how)), hoist="all")
        reduce = "EDGE" if type_ is I16 else "SPSUM" if how is SUM else "SPMAX"
        assert code == [f"LDV {reduce} END"]
    wide = gather(op(Opcode.ADD, source(x), target(x)), how)
    assert check(x, rq(wide), hoist="all") == ["LDV RQ EDGE END"]


def test_destinations_rows_can_be_reduced():
    x = given_rows(6)
    z = matmul(x, 6, I16)
    check(x, rq(gather(target(z)), shift=5))
    check(x, rq(gather(target(Slice.of(x, "s", 0, 3)), MAX), shift=0))
    check(x, rq(gather(target(Concat.of("xx", (x, matmul(x, 7)), 16)), MAX), shift=1))


def test_gathers_over_different_edges_have_passes_of_their_own():
    x = given_rows(8)
    both = op(Opcode.ADD, rq(gather(x)), rq(gather(x, looped=False)), type_=I8)
    assert len(check(x, both)) == 2
    alike = op(Opcode.ADD, rq(gather(x)), rq(gather(x, MAX)), type_=I8)
    assert check(x, alike) == ["LDV SPSUM SPMAX END"]


def test_scalars_of_sources_are_those_of_the_round():
    x = given_rows(8)
    graph = random_graph(np.random.default_rng(1), 17, 60)
    one, two = (
        SourceScalar(RNG.integers(-99, 99, graph.vertices).astype(np.int16)) for _ in range(2)
    )
    sums = [rq(gather(x, scale=each), shift=5) for each in (one, two, one)]
    out = op(Opcode.ADD, op(Opcode.ADD, sums[0], sums[1], type_=I8), sums[2], type_=I8)
    assert len(check(x, out, graph)) == 2


def test_sums_of_32_bits_of_different_edges_cannot_meet():
    x = given_rows(4)
    total = op(Opcode.ADD, gather(x), gather(x, looped=False), type_=I32)
    with pytest.raises(InputError, match="must be used in the pass that computes it"):
        check(x, rq(total))


def test_values_outlive_phases_in_the_accumulators():
    """Between two rounds: v is used before the first, between them, and after the second."""
    x = given_rows(20)
    v = matmul(x, 6)
    peak = gather(op(Opcode.ADD, source(v), target(v)), MAX)
    middle = op(Opcode.ADD, rq(peak, I16, 1), v)
    second = gather(op(Opcode.ADD, source(v), target(middle)))
    end = op(Opcode.ADD, rq(second), matmul(v, 6, name="after"), type_=I8)
    third = op(Opcode.SUB, end, middle, type_=I8)
    for hoist in ("none", "all", "auto"):
        check(x, third, hoist=hoist)


def test_three_rounds_are_two_passes():
    x = given_rows(4)
    z = matmul(x, 4, I16)
    level = target(z)
    for _ in range(3):
        peak = gather(op(Opcode.ADD, source(z), level), MAX)
        level = target(rq(peak, I16, 1))
    out = rq(gather(op(Opcode.ADD, source(z), level)), shift=4)
    assert len(check(x, out)) == 4


def test_views_of_views_and_parts_that_are_used_twice():
    x = given_rows(16)
    z = matmul(x, 40)
    left, right = Slice.of(z, "left", 0, 16), Slice.of(z, "right", 32, 8)
    one = Concat.of("one", (right, x, right), 16)
    two = Concat.of("two", (x, one, left), 16)
    y = op(Opcode.ADD, matmul(one, 16), matmul(two, 16), type_=I8)
    check(x, y)
    check(x, rq(gather(two)), engines=(EDGE, ROOMY))
    check(x, Concat.of("all", (y, x, y), 16))


def test_a_slice_must_begin_with_a_word():
    x = given_rows(16)
    with pytest.raises(InputError, match="start of s must be a multiple of 16, not 3"):
        check(x, matmul(Slice.of(x, "s", 3, 8), 4), engines=[EDGE])


def test_rows_that_are_the_same_for_all_vertices():
    x = given_rows(7)
    b = Broadcast(name="b", type=I16, width=7, values=RNG.integers(-300, 300, 7))
    shifted = op(Opcode.ADD, x, b)
    scaled = rq(op(Opcode.MUL, shifted, b), shift=9)
    check(x, rq(gather(scaled)), hoist="none")
    check(x, rq(op(Opcode.AXPY, gather(scaled), b, type_=I32, imm=-5, shift=2)), hoist="all")


def test_sources_cannot_compute_with_32_bits_so_it_is_stored():
    x = given_rows(7)
    wide = rq(op(Opcode.AXPY, x, x, type_=I32, imm=7))
    code = check(x, rq(gather(wide)), hoist="none")
    assert code == ["LDV SPSUM END"]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_chain(data):
    """Operators on edges, put together at random."""
    x = given_rows(5)
    graph = random_graph(np.random.default_rng(data.draw(st.integers(0, 99))), 12, 30)
    a, b = matmul(x, 6, I16), matmul(x, 6, I16, "w", shift=4)
    edges = [source(a), target(a), source(b), target(b)]
    peaks = []
    for _ in range(data.draw(st.integers(1, 7))):
        kind = data.draw(st.sampled_from(["ADD", "SUB", "MUL", "LRELU", "EXP", "MAX"]))
        first, second = (data.draw(st.sampled_from(edges)) for _ in range(2))
        match kind:
            case "MAX":
                if len(peaks) < 3:
                    peaks.append(gather(first, MAX))
            case "EXP":
                if peaks:
                    peak = data.draw(st.sampled_from(peaks))
                    edges.append(Exponential(
                        name="p", type=I16, width=6, a=first, maximum=peak, bits=10
                    ))  # fmt: skip
            case "LRELU":
                edges.append(op(Opcode.LRELU, first, imm=data.draw(st.integers(-9, 40000))))
            case _:
                edges.append(op(Opcode[kind], first, second))
    out = rq(gather(edges[-1]), I8, 4)
    if data.draw(st.booleans()):
        out = op(Opcode.ADD, out, rq(gather(data.draw(st.sampled_from(edges)), MAX)), type_=I8)
    codes = np.random.default_rng(0).integers(-128, 128, (12, 5))
    lowered = Lowered(x, out, tuple(range(6)))
    p = data.draw(st.sampled_from([ROOMY, EDGE, UNEVEN]))
    hoist = data.draw(st.sampled_from(["none", "all"]))
    program = compile_lowered(lowered, graph, p, hoist=hoist)
    assert np.array_equal(simulate(program, codes, seed=1)[0], interpret(out, graph, codes))
