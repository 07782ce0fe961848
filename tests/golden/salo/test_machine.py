from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.golden.salo.datapath import EMPTY
from gatewright.golden.salo.formats import HW8, HW12
from gatewright.golden.salo.machine import Operands, run

from .cases import Batch, gaussian, pieces, tiling
from .loop import Loop


def integers(fmt, queries, keys, dk, dv, generator, extreme):
    def matrix(rows, columns, limit):
        values = torch.randint(-limit, limit + 1, (rows, columns), generator=generator)
        ends = torch.randint(0, 2, (rows, columns), generator=generator) * (2 * limit) - limit
        pick = torch.rand((rows, columns), generator=generator) < extreme
        return torch.where(pick, ends, values)

    return Operands(
        matrix(queries, dk, fmt.q_max), matrix(keys, dk, fmt.kv_max), matrix(keys, dv, fmt.kv_max)
    )


def agree(result, slow, queries):
    for query in range(queries):
        assert bool(result.written[query]) == (query in slow.outputs)
        if query in slow.outputs:
            assert result.outputs[query].tolist() == slow.outputs[query]
            sums = slow.sums[query]
            assert int(result.sums.maximum[query]) == (EMPTY if sums.m is None else sums.m)
            assert int(result.sums.total[query]) == sums.l
            assert result.sums.numerators[query].tolist() == sums.num
        else:
            assert not result.outputs[query].any()
    assert result.exponent_saturated == slow.exponent_saturated
    assert result.output_saturated == slow.output_saturated


@settings(max_examples=60)
@given(st.data())
def test_against_the_loop_over_pairs(data):
    draw = data.draw
    fmt = replace(
        draw(st.sampled_from([HW8, HW12])), q_bits=draw(st.sampled_from([2, 8, 12])),
        kv_bits=draw(st.sampled_from([2, 5, 8])), exp_bits=draw(st.sampled_from([8, 10, 17])),
        guard_bits=draw(st.integers(3, 16)), out_fraction_bits=draw(st.integers(0, 8)),
    )  # fmt: skip
    queries, keys, dk, dv = (draw(st.integers(1, top)) for top in (14, 20, 5, 3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    extreme = draw(st.sampled_from([0.0, 0.3, 1.0]))
    operands = integers(fmt, queries, keys, dk, dv, generator, extreme)
    private = draw(st.booleans())
    other = integers(fmt, queries, keys, dk, dv, generator, extreme) if private else None
    density = draw(st.sampled_from([0.1, 0.5, 1.0]))
    mask = torch.rand((queries, keys), generator=generator) < density
    riders = tuple(sorted(draw(st.sets(st.integers(0, queries - 1), max_size=3))))
    row_keys = draw(st.integers(1, 7))
    batch = tiling(
        mask, rows=draw(st.integers(1, 5)), keys=row_keys, riders=riders,
        width=draw(st.integers(1, 2)), columns=draw(st.integers(1, row_keys)),
        seed=draw(st.integers(0, 9)),
    )  # fmt: skip
    f = draw(st.integers(0, fmt.score_bits(dk) + 2))
    result = run(operands, fmt, f, pieces(batch, draw(st.integers(1, 9))), rider_operands=other)
    agree(result, Loop(operands, fmt, f, other).run(batch), queries)


def test_pieces_do_not_matter():
    operands, f = gaussian(HW8, 100, 100, 16, 8, 1.0)
    batch = tiling(torch.ones((100, 100), dtype=torch.bool), rows=8, keys=9, riders=(3, 50))
    whole = run(operands, HW8, f, [batch])
    for size in (1, 7, 50):
        parts = run(operands, HW8, f, pieces(batch, size))
        assert torch.equal(whole.outputs, parts.outputs)
        assert torch.equal(whole.sums.numerators, parts.sums.numerators)
    assert bool(whole.written.all())


def test_no_riders_and_no_tiles():
    operands, f = gaussian(HW8, 10, 10, 4, 4, 1.0)
    batch = tiling(torch.ones((10, 10), dtype=torch.bool), rows=4, keys=5, width=0, columns=4)
    assert batch.rider_queries.shape[1] == 0
    agree(run(operands, HW8, f, [batch]), Loop(operands, HW8, f).run(batch), 10)
    nothing = run(operands, HW8, f, [])
    assert not nothing.written.any()
    assert nothing.outputs.shape == (10, 4)


def test_an_idle_tile_within_a_block_and_between_blocks():
    operands, f = gaussian(HW8, 8, 12, 4, 4, 1.0)
    batch = tiling(torch.ones((8, 12), dtype=torch.bool), rows=4, keys=5)
    idle = Batch(*(torch.zeros_like(getattr(batch, name)[:1]) for name in (
        "queries", "tokens", "first", "last", "rider_queries", "rider_tokens", "rider_first",
        "rider_last")))  # fmt: skip
    for array in (idle.queries, idle.tokens, idle.rider_queries, idle.rider_tokens):
        array.fill_(-1)
    expected = run(operands, HW8, f, [batch]).outputs
    mixed = [piece for each in pieces(batch, 1) for piece in (idle, each, idle)]
    assert torch.equal(run(operands, HW8, f, mixed).outputs, expected)


def test_exponent_saturation_is_sticky_and_masked_pairs_do_not_raise_it():
    # 64 products of 127 * 127 at f = 10: 1008 octaves.
    q = torch.full((1, 64), 127)
    k = torch.stack([torch.full((64,), 127), torch.zeros(64, dtype=torch.int64)])
    v = torch.tensor([[100], [3]])
    operands = Operands(q, k, v)
    both = tiling(torch.tensor([[True, True]]), rows=1, keys=2)
    result = run(operands, HW8, 10, [both])
    assert result.exponent_saturated
    assert int(result.sums.maximum) == 511
    assert int(result.outputs) == 100 << 8
    # The poisoned key is number 0, which masked pairs of the model happen to read.
    masked = tiling(torch.tensor([[False, True]]), rows=1, keys=2)
    result = run(operands, HW8, 10, [masked])
    assert not result.exponent_saturated
    assert int(result.outputs) == 3 << 8
    assert not run(operands, replace(HW8, exp_bits=11), 10, [both]).exponent_saturated


def test_output_saturation():
    """Keys that vanish from the sum, but not from the numerators, add up to a whole unit of v."""
    # 128 << 4 at 13 octaves below the first is 1/4 and vanishes; 127 times that does not.
    keys = 321
    q = torch.tensor([[1]])
    k = torch.full((keys, 1), -13)
    k[0] = 0
    operands = Operands(q, k, torch.full((keys, 1), 127))
    rows = Batch(
        torch.zeros((1, 1), dtype=torch.int64), torch.arange(keys).view(1, 1, keys),
        torch.ones(1, dtype=torch.bool), torch.ones(1, dtype=torch.bool),
        torch.full((1, 0), -1), torch.full((1, 0, 1), -1),
        torch.zeros((1, 0), dtype=torch.bool), torch.zeros((1, 0), dtype=torch.bool),
    )  # fmt: skip
    result = run(operands, HW8, 0, [rows])
    assert result.output_saturated
    assert int(result.outputs) == 32767
    assert int(result.sums.total) == 2048
    agree(result, Loop(operands, HW8, 0).run(rows), 1)


def tiny():
    operands, f = gaussian(HW8, 6, 8, 4, 4, 1.0)
    return operands, f, tiling(torch.ones((6, 8), dtype=torch.bool), rows=3, keys=5, width=1)


def changed(batch, **changes):
    return replace(batch, **changes)


def test_bad_tiles():
    operands, f, batch = tiny()

    def refused(match, **changes):
        with pytest.raises(InputError, match=match):
            run(operands, HW8, f, [changed(batch, **changes)])

    queries = batch.queries.clone()
    queries[1, 2] = 5
    refused("queries must stay the same within a block: row 2 must have 2, not 5", queries=queries)
    refused("queries must be written once, not query 0 again", queries=batch.queries % 3)
    refused("queries must be -1..5, not 6", queries=batch.queries + 1)
    refused("tokens must be -1..7, not 8", tokens=batch.tokens + 1)
    refused("tokens must hold integers", tokens=batch.tokens.double())
    refused("tokens must have 3 dimensions", tokens=batch.tokens[0])
    refused("tokens must be -1 in idle rows", queries=torch.full_like(batch.queries, -1))
    refused(r"queries must be \[4, 3\], not \[4, 2\]", queries=batch.queries[:, :2])
    refused("first must be boolean", first=batch.first.long())
    refused(r"last must be \[4\]", last=batch.last[:3])
    refused("rider_tokens must be", rider_tokens=torch.full((4, 1, 6), -1))
    refused("rider_first must be", rider_first=batch.rider_first[:, :0])
    with pytest.raises(InputError, match="tiles must have 4 rows and riders"):
        wide = tiling(torch.ones((6, 8), dtype=torch.bool), rows=3, keys=5, width=2)
        run(operands, HW8, f, [batch, wide])


def test_bad_operands():
    operands, f, batch = tiny()
    q, k, v = operands.q, operands.k, operands.v

    def refused(match, bad, shift=f, other=None):
        with pytest.raises(InputError, match=match):
            run(bad, HW8, shift, [batch], rider_operands=other)

    refused("operands.q must be -127..127, not -128", Operands(torch.full_like(q, -128), k, v))
    refused("operands.k must be -127..127, not 128", Operands(q, torch.full_like(k, 128), v))
    refused("operands.v must hold integers", Operands(q, k, v.double()))
    refused("operands.q must be a matrix", Operands(q[0], k, v))
    refused(r"operands.k must be \[keys, 4\]", Operands(q, k[:, :3], v))
    refused(r"operands.v must be \[8, dv\]", Operands(q, k, v[:5]))
    refused(r"rider_operands.k must be \[8, 4\]", operands, other=Operands(q, k[:5], v[:5]))
    for shift in (-1, 32, 3.0, math.nan, True):
        refused("shift must be an integer in 0..31", operands, shift=shift)
