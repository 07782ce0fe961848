"""What operands do, and what they must not do: those that no query may see, orders, extremes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gatewright.generators.salo.importers.boolean import from_boolean
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows
from gatewright.golden.salo.machine import Operands
from gatewright.hw.salo.engine import SaloEngineParameters
from gatewright.tests.hw.salo.engine_bench import bench, check, engine_parameters
from gatewright.tests.hw.salo.engine_jobs import (
    Job,
    job_of,
    random_tiles,
    scheduled,
    with_operands,
)

SHARED = engine_parameters(4, 1, 1, "1", reads=4, max_tokens=32)
PRIVATE = engine_parameters(4, 1, 1, "1p", torus=True)
FORMATS = SHARED.array.datapath


def filled(job: Job, value: int, where: torch.Tensor | None = None) -> Operands:
    """Keys and values of some tokens, or of all, with every element the same."""
    own = job.operands
    chosen = torch.ones(len(own.k), dtype=torch.bool) if where is None else where
    k, v = own.k.clone(), own.v.clone()
    k[chosen], v[chosen] = value, -value
    return Operands(own.q, k, v)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("p", [SHARED, PRIVATE], ids=["shared", "private"])
def test_keys_that_no_query_may_see(p: SaloEngineParameters) -> None:
    """At their extremes they neither reach an output nor raise a flag; nor do old tokens."""
    unseen = np.array([2, 3, 8, 11, 12])
    mask = Pattern(10, 13, [Band(-3, 4), GlobalColumns([1]), GlobalRows([6])]).block(0, 10).copy()
    mask[:, unseen] = False
    rare = scheduled(p, from_boolean(mask), 16, 16, shift=FORMATS.shift_least)
    hidden = torch.zeros(13, dtype=torch.bool)
    hidden[torch.from_numpy(unseen)] = True
    small = Operands(rare.operands.q.sign(), rare.operands.k.sign(), rare.operands.v)
    clean = with_operands(p, rare, small, small if p.array.private else None)
    assert not clean.expected.exponent_saturated
    tiles, queries = random_tiles(p, np.random.default_rng(5), tiles=1, blocks=1, keys=32)
    before = job_of(p, tiles, queries, 16, 8)
    extremes = filled(before, 127)
    jobs = [with_operands(p, before, extremes, extremes if p.array.private else None)]
    for value in (0, -127):
        poisoned = filled(clean, value, hidden)
        jobs.append(with_operands(p, clean, poisoned, poisoned if p.array.private else None))
    found = bench(p).run(jobs)
    for job, each in zip(jobs, found, strict=True):
        check(job, each)
    assert found[1] == found[2]


def test_permuted_queries_permute_results() -> None:
    tiles, queries = random_tiles(SHARED, np.random.default_rng(6), tiles=5, blocks=3, keys=11)
    job = job_of(SHARED, tiles, queries, 8, 8)
    order = np.random.default_rng(7).permutation(queries)

    def renamed(numbers: np.ndarray) -> np.ndarray:
        return np.where(numbers >= 0, order[numbers], -1).astype(np.int32)

    moved = replace(
        tiles, queries=renamed(tiles.queries), rider_queries=renamed(tiles.rider_queries)
    )
    other = job_of(SHARED, moved, queries, 8, 8)
    own = job.operands
    q = torch.empty_like(own.q)
    q[torch.from_numpy(order)] = own.q
    other = with_operands(SHARED, other, Operands(q, own.k, own.v))
    one, two = bench(SHARED).run([job, other])
    assert two.beats == [
        (element, tuple(row and (int(order[row[0]]), row[1]) for row in rows))
        for element, rows in one.beats
    ]


def test_flags_are_of_one_run() -> None:
    """A logit beyond ``exp_bits`` sticks till the next run, and results are still those expected.

    No result of operands in their range is beyond ``output_bits``.
    """
    pattern = Pattern(9, 9, [Band(-2, 2), GlobalRows([4])])
    jobs = [
        scheduled(SHARED, pattern, 16, 16, shift=shift)
        for shift in (FORMATS.shift_least, FORMATS.shift_most, FORMATS.shift_least)
    ]
    jobs = [with_operands(SHARED, job, filled(job, -127)) for job in jobs]
    assert [job.expected.exponent_saturated for job in jobs] == [True, False, True]
    for job, found in zip(jobs, bench(SHARED).run(jobs), strict=True):
        check(job, found)


def test_a_rider_alone_can_raise_the_flag() -> None:
    pattern = Pattern(9, 9, [GlobalRows([4])])
    job = scheduled(SHARED, pattern, 16, 16, shift=FORMATS.shift_least)
    extremes = filled(job, 127)
    job = with_operands(SHARED, job, replace(extremes, q=torch.full_like(extremes.q, 127)))
    assert job.expected.exponent_saturated
    check(job, bench(SHARED).run([job])[0])


def test_equal_keys_give_the_mean() -> None:
    """And one key its value, exactly; a row without a key gives zeros."""
    mask = np.zeros((6, 8), bool)
    mask[0, :4] = mask[1, 5] = mask[3, [2, 6]] = mask[4] = True
    job = scheduled(SHARED, from_boolean(mask), 16, 16)
    own = job.operands
    job = with_operands(SHARED, job, Operands(own.q, own.k[:1].expand(8, -1).contiguous(), own.v))
    found = bench(SHARED).run([job])[0]
    check(job, found)
    rows: dict[int, list[int]] = {}
    for _, lanes in found.beats:
        for query, value in filter(None, lanes):
            rows.setdefault(query, []).append(value)
    v = own.v.double()
    assert rows[1] == (own.v[5] * 256).tolist()
    assert rows[2] == rows[5] == [0] * 16
    for query, keys in ((0, slice(0, 4)), (3, [2, 6]), (4, slice(0, 8))):
        mean = v[keys].mean(dim=0) * 256
        assert (torch.tensor(rows[query]) - mean).abs().max() <= 1 + 256 / 16
