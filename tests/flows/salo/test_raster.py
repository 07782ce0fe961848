"""Rasters count each pair of the mask once, in the cell where it stands."""

from __future__ import annotations

import numpy as np
import pytest

from gatewright.flows.salo.raster import KINDS, Raster, rasterise
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import Band, GlobalColumns, GlobalRows

PATTERN = Pattern(70, 90, [Band(-6, 12), Band(-40, 40, 7), GlobalColumns([3]), GlobalRows([5, 60])])
MASK = PATTERN.block(0, 70)


@pytest.fixture(scope="module", params=["shared", "private"])
def tiles(request):
    return make_schedule(PATTERN, ArrayShape(8, 8, 2, 1, 1, request.param), dk=8).tiles


def test_pair_by_pair_it_is_the_mask(tiles) -> None:
    raster = Raster(0, 0, 70, 90)
    rasterise(tiles, [raster])
    assert (raster.counts.sum(axis=0) == MASK).all()
    assert ((raster.units >= 0) == MASK).all()
    assert raster.counts[KINDS.index("gather")].sum() == (tiles.gather >= 0).sum()
    assert raster.counts[KINDS.index("rider")].sum() == (tiles.rider_tokens >= 0).sum() > 0


def test_units_are_one_kind_and_one_block_each(tiles) -> None:
    raster = Raster(0, 0, 70, 90)
    rasterise(tiles, [raster])
    kind = raster.counts.argmax(axis=0)
    for unit in np.unique(raster.units[raster.units >= 0]):
        at = raster.units == unit
        assert len(np.unique(kind[at])) == 1
        assert at.any(axis=1).sum() <= 8  # rows of the array


def test_coarse_cells_and_parts_add_up(tiles) -> None:
    coarse, part = Raster(0, 0, 70, 90, 16, 25), Raster(20, 30, 33, 41)
    rasterise(tiles, [coarse, part])
    assert coarse.counts.shape == (len(KINDS), 5, 4)
    padded = np.zeros((80, 100), np.int64)
    padded[:70, :90] = MASK
    cells = padded.reshape(5, 16, 4, 25).sum(axis=(1, 3))
    assert (coarse.counts.sum(axis=0) == cells).all()
    assert (part.counts.sum(axis=0) == MASK[20:53, 30:71]).all()


def test_progress_ends_at_all(tiles) -> None:
    told = []
    rasterise(tiles, [Raster(0, 0, 70, 90)], lambda step, part: told.append((step, part)))
    assert told[-1] == ("picture", 1.0)
