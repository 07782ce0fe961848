from __future__ import annotations

import pytest

from gatewright.errors import InputError
from gatewright.generators.salo.importers.vision import from_swin, from_vil
from gatewright.generators.salo.pattern import Pattern
from gatewright.generators.salo.search import search_shapes
from gatewright.generators.salo.terms import Band, GlobalRows


def test_swin():
    found = search_shapes(from_swin(56, 56, 7), 1280, dk=32)
    assert found[0].report.utilisation >= 0.94
    assert all(each.shape.multipliers <= 1280 for each in found)
    cycles = [each.report.cycles for each in found]
    assert cycles == sorted(cycles)


@pytest.mark.thorough
def test_vil():
    """Its windows are 15 wide, and 56 columns of 32 rows do not meet them well."""
    found = search_shapes(from_vil(56, 56, 15), 1344)
    assert found[0].report.utilisation >= 0.8


def test_choices_are_kept_to_and_progress_is_told():
    told = []
    found = search_shapes(
        Pattern(40, 40, [Band(-3, 3), GlobalRows([0])]), 64, dk=8, segments=[2], gather=[1],
        global_row_kv="private", progress=lambda step, part: told.append((step, part)),
    )  # fmt: skip
    for each in found:
        shape = each.shape
        assert (shape.segments, shape.gather, shape.global_rows) == (2, 1, 1)
        assert shape.global_row_kv == "private"
    assert list(dict.fromkeys(step for step, _ in told)) == [
        "samples of 2 blocks", "samples of 8 blocks", "schedules",
    ]  # fmt: skip
    assert told[-1] == ("schedules", 1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"budget": 3}, "budget must be a whole number from 4 to 65536, not 3"),
        ({"budget": 4, "gather": [8]},
         "budget must be enough for an array of the shapes asked, not 4"),
        ({"budget": 64, "segments": [0]}, "segments must be a whole number from 1 to 128, not 0"),
        ({"budget": 64, "gather": [9]}, "gather must be a whole number from 0 to 8, not 9"),
    ],
)  # fmt: skip
def test_refusals(options, message):
    with pytest.raises(InputError) as refused:
        search_shapes(Pattern(9, 9, [Band(0, 0)]), **options)
    assert str(refused.value) == message
