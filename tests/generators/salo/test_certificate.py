"""Schedules that are wrong in one place are refused, and the message names the place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import CheckFailed
from gatewright.generators.salo import certificate
from gatewright.generators.salo.block import BAND, CIRCULANT
from gatewright.generators.salo.certificate import certify
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.schedule import make_schedule
from gatewright.generators.salo.shape import ArrayShape
from gatewright.generators.salo.terms import Band, Blocks, GlobalColumns, GlobalRows

from .patterns import times_computed

SHAPE = ArrayShape(4, 8, 2, 1, 1)
PATTERN = Pattern(
    24, 24, [Band(-5, 4), Blocks(4, [(3, 0), (4, 1)]), GlobalColumns([2]), GlobalRows([2])]
)
SCHEDULE = make_schedule(PATTERN, SHAPE, dk=4)


def changed(array, place, value):
    copy = array.copy()
    copy[place] = value
    return copy


def refused(tiles, pattern=PATTERN):
    with pytest.raises(CheckFailed) as error:
        certify(tiles, pattern)
    return str(error.value)


def test_the_schedule_itself_passes():
    found = certify(SCHEDULE.tiles, PATTERN)
    assert (found.pairs, found.tiles) == (PATTERN.allowed, len(SCHEDULE.tiles))
    kinds = SCHEDULE.tiles.kind
    assert (kinds == BAND).any() and (kinds == CIRCULANT).any()
    assert (SCHEDULE.tiles.gather >= 0).any() and (SCHEDULE.tiles.rider_tokens >= 0).any()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_change_is_refused_if_and_only_if_it_matters(data):
    """What is computed decides, so a change that leaves it alone may pass."""
    tiles = SCHEDULE.tiles
    name = data.draw(st.sampled_from(
        ["kind", "base", "step", "mask", "keys", "masks", "gather", "queries", "block",
         "rider_queries", "rider_tokens"]))  # fmt: skip
    array = getattr(tiles, name)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in array.shape)
    limits = {
        "kind": (0, 2), "mask": (-1, len(tiles.masks) - 1), "masks": (0, 255),
        "block": (0, len(tiles.queries) - 1), "base": (-8, len(tiles.keys) - 1), "step": (0, 4),
        "keys": (0, 23),
    }  # fmt: skip
    value = data.draw(st.integers(*limits.get(name, (-1, 23))))
    mutant = replace(tiles, **{name: changed(array, place, value)})
    right, wrong = tiles.batch(), mutant.batch()
    same = all((getattr(right, each) == getattr(wrong, each)).all() for each in vars(right))
    if same:
        certify(mutant, PATTERN)
    else:
        times = times_computed(wrong, 24, 24)
        covered = (times == PATTERN.block(0, 24)).all()
        try:
            certify(mutant, PATTERN)
        except CheckFailed:
            return
        # The only freedom there is: idle rows, and tiles in which a rider has nothing to do.
        assert covered
        assert name in ("rider_queries", "queries")


def test_a_pair_left_out():
    tile, row, column = np.argwhere(SCHEDULE.tiles.gather >= 0)[0]
    batch = SCHEDULE.tiles.batch()
    query, key = batch.queries[tile, row], SCHEDULE.tiles.gather[tile, row, column]
    gather = changed(SCHEDULE.tiles.gather, (tile, row, column), -1)
    message = refused(replace(SCHEDULE.tiles, gather=gather))
    assert message == f"pair (query {query}, key {key}) is allowed and nowhere"


def free_slot():
    """A gather slot that nothing is in, of a row that has a query."""
    queries = SCHEDULE.tiles.batch().queries
    for tile, row, column in np.argwhere(SCHEDULE.tiles.gather < 0):
        if queries[tile, row] >= 0:
            return (tile, row, column), int(queries[tile, row])
    raise AssertionError


def test_a_pair_too_many():
    place, query = free_slot()
    key = int(np.flatnonzero(~PATTERN.block(query, query + 1)[0])[0])
    mutant = replace(SCHEDULE.tiles, gather=changed(SCHEDULE.tiles.gather, place, key))
    assert refused(mutant) == f"pair (query {query}, key {key}) is not allowed and computed"


def test_a_pair_twice():
    place, query = free_slot()
    key = int(np.flatnonzero(PATTERN.block(query, query + 1)[0])[0])
    mutant = replace(SCHEDULE.tiles, gather=changed(SCHEDULE.tiles.gather, place, key))
    assert refused(mutant) == f"pair (query {query}, key {key}) is computed more than once"


def test_a_token_that_is_not_there():
    place, query = free_slot()
    mutant = replace(SCHEDULE.tiles, gather=changed(SCHEDULE.tiles.gather, place, 24))
    assert refused(mutant) == (
        f"tile {place[0]}, row {place[1]}: query {query} and token 24 are not a pair"
    )


def test_a_pattern_with_another_pair():
    other = Pattern(24, 24, [*PATTERN.terms, Blocks(1, [(23, 7)])])
    assert refused(SCHEDULE.tiles, other) == "pair (query 23, key 7) is allowed and nowhere"
    less = Pattern(24, 24, PATTERN.terms, causal=True)
    assert "is not allowed and computed" in refused(SCHEDULE.tiles, less)


def test_other_numbers_of_queries_and_keys():
    longer = Pattern(25, 24, [Band(-5, 4)])
    assert refused(SCHEDULE.tiles, longer) == "query 24 has 0 places for its sums instead of 1"
    shorter = Pattern(23, 24, [Band(-5, 4)])
    assert refused(SCHEDULE.tiles, shorter) == "query 23 is not one of 23"
    wider = Pattern(24, 25, [Band(-5, 4)])
    assert refused(SCHEDULE.tiles, wider) == "tiles are for 24 keys instead of 25"


def test_a_block_in_two_pieces():
    """All pairs are there, but its sums would be cleared in between."""
    tiles = SCHEDULE.tiles
    block = np.flatnonzero(np.bincount(tiles.block) > 1)[0]
    order = np.argsort(tiles.block, kind="stable")
    piece = np.flatnonzero(tiles.block == block)[-1]
    order = np.append(np.delete(order, piece), piece)
    moved = ("block", "kind", "base", "step", "mask", "gather", "rider_queries", "rider_tokens")
    mutant = replace(tiles, **{name: getattr(tiles, name)[order] for name in moved})
    assert "places for its sums instead of 1" in refused(mutant)


class TwoTokens:
    """Tiles that write out what the wires cannot do: two elements of a diagonal swap tokens."""

    def __init__(self, tiles, tile, one, other):
        self.tiles, self.tile, self.one, self.other = tiles, tile, one, other

    def __getattr__(self, name):
        return getattr(self.tiles, name)

    def __len__(self):
        return len(self.tiles)

    def batch(self, start, stop):
        batch = self.tiles.batch(start, stop)
        if start <= self.tile < stop:
            tokens = batch.tokens[self.tile - start]
            tokens[self.one], tokens[self.other] = tokens[self.other], tokens[self.one]
        return batch


def test_two_tokens_on_one_wire():
    """Each pair is computed once: only the diagonal tells."""
    tiles = SCHEDULE.tiles
    tokens = tiles.batch().tokens[:, :, :4]
    tile, row = next(
        (tile, row) for tile in range(len(tiles)) for row in range(1, 4)
        if (tokens[tile, row, :2] >= 0).all() and (tokens[tile, row - 1, :1] >= 0).all()
    )  # fmt: skip
    message = refused(TwoTokens(tiles, tile, (row, 0), (row, 1)))
    assert message.startswith(f"tile {tile}, segment 0, diagonal i - j = ")
    assert message.endswith(" on one wire")


def test_a_rider_cannot_see_what_does_not_come_by():
    tiles = SCHEDULE.tiles
    tile, _, column = np.argwhere(tiles.rider_tokens >= 0)[0]
    passing = tiles.last_row_tokens(tile, tile + 1)[0]
    rider = tiles.rider_tokens.copy()
    other = np.flatnonzero((passing >= 0) & (passing != passing[column]))[0]
    rider[tile, 0, [column, other]] = rider[tile, 0, [other, column]]
    assert "on one wire" in refused(replace(tiles, rider_tokens=rider))


def test_private_keys_are_consecutive():
    shape = ArrayShape(4, 8, 2, 1, 1, "private")
    tiles = make_schedule(PATTERN, shape, dk=4).tiles
    rider = tiles.rider_tokens.copy()
    rider[0, 0, [0, 1]] = rider[0, 0, [1, 0]]
    mutant = replace(tiles, rider_tokens=rider)
    assert refused(mutant) == "tile 0, rider row 0: keys are not consecutive"


def test_pieces_are_checked_like_the_whole(monkeypatch):
    """A piece ends with a block, however small it should be."""
    monkeypatch.setattr(certificate, "ELEMENTS_AT_ONCE", 1)
    assert certify(SCHEDULE.tiles, PATTERN).pairs == PATTERN.allowed
    test_a_pair_left_out()
