"""Packing against the plain form: one Python integer per beat, one shift per field."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.artifacts import Field
from gatewright.verification.packing import (
    field_texts,
    from_ints,
    pack,
    pack_array,
    to_ints,
    unpack,
    unpack_array,
    words_of,
)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[list[Field], int, list[list[int]]]:
    """Fields of any width with gaps between, and a few values that fit each."""
    fields, offset = [], 0
    count = draw(st.integers(1, 4))
    values = []
    for index in range(draw(st.integers(1, 6))):
        offset += draw(st.integers(0, 9))
        width, signed = draw(st.integers(1, 64)), draw(st.booleans())
        fields.append(Field(f"f{index}", offset, width, signed))
        offset += width
        least = -(1 << (width - 1)) if signed else 0
        span = st.integers(least, least + (1 << width) - 1)
        values.append(draw(st.lists(span, min_size=count, max_size=count)))
    return fields, offset + draw(st.integers(0, 40)), values


def as_array(field: Field, values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64 if field.signed else np.uint64)


@given(layouts())
def test_pack_places_every_field(layout: tuple[list[Field], int, list[list[int]]]) -> None:
    fields, width, values = layout
    beats = pack(
        fields, width, {f.name: as_array(f, v) for f, v in zip(fields, values, strict=True)}
    )
    slow = [
        sum((v[at] % (1 << f.width)) << f.offset for f, v in zip(fields, values, strict=True))
        for at in range(len(values[0]))
    ]
    assert beats.shape == (len(slow), words_of(width))
    assert to_ints(beats) == slow
    assert np.array_equal(from_ints(slow, width), beats)
    back = unpack(fields, beats)
    assert [back[f.name].tolist() for f in fields] == values


def test_pack_array_is_pack_by_column() -> None:
    fields = [Field(str(i), 5 * i, 5, True) for i in range(9)]
    values = np.random.default_rng(1).integers(-16, 16, size=(50, 9))
    beats = pack_array(fields, 45, values)
    assert np.array_equal(beats, pack(fields, 45, {str(i): values[:, i] for i in range(9)}))
    assert np.array_equal(unpack_array(fields, beats), values)


def test_a_field_left_out_is_zero() -> None:
    fields = [Field("a", 0, 4), Field("b", 4, 4)]
    assert to_ints(pack(fields, 8, {"b": [3]})) == [0x30]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"a": [8]}, r"^field a must be in 0\.\.7, not 8$"),
        ({"b": [-9]}, r"^field b must be in -8\.\.7, not -9$"),
        ({"c": [1]}, r"^field must be one of a, b, not 'c'$"),
        ({"a": [1, 2], "b": [1]}, r"^fields must have equal numbers of values, not \[1, 2\]$"),
        ({"a": [0.5]}, r"^field a must hold integers, not float64$"),
        ({"a": [[1]]}, r"^field a must be one row of values, not 2 dimensions$"),
    ],
)
def test_bad_values_are_refused(values: dict[str, list[int]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pack([Field("a", 0, 3), Field("b", 3, 4, True)], 7, values)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(InputError, match=r"^values must be of shape \[n, 1\], not \[1, 2\]$"):
        pack_array([Field("a", 0, 3)], 3, [[1, 2]])
    with pytest.raises(InputError, match=r"^field a must be of 1\.\.64 bits, not 65$"):
        pack([Field("a", 0, 65)], 65, {"a": [1]})


def test_field_texts_names_enums_and_signs() -> None:
    fields = [Field("value", 0, 4, True), Field("kind", 4, 2, False, {"1": "FLINT"})]
    assert field_texts(fields, 0x1F) == {"value": "-1", "kind": "FLINT"}
    assert field_texts(fields, 0x27) == {"value": "7", "kind": "2"}
