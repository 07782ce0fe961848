"""Configs: what is loaded, and the one line that each mistake gets."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from gatewright.errors import InputError
from gatewright.generators.config import Config, load_config
from gatewright.generators.config_fields import fields_of


class Kind(StrEnum):
    INT = "int"
    FLINT = "flint"


class Border(Config):
    """Nested part."""

    depth: int = Field(2, ge=1, description="Stages.")
    name: str = "skew"


class Sizes(Config):
    """A config with a field of every sort."""

    rows: int = Field(16, ge=1, le=64, description="Rows of the array.")
    types: tuple[Kind, ...] = Field((Kind.INT,), min_length=1)
    ratio: float = Field(0.5, gt=0)
    sign: Literal["signed", "both"] = "both"
    width: int | None = None
    bias: bool = True
    note: str = ""
    border: Border = Border()
    pair: tuple[int, int] = (1, 2)

    @model_validator(mode="after")
    def _width_fits(self) -> Sizes:
        if self.width is not None and self.width < self.rows:
            raise ValueError(f"width must be at least {self.rows} (rows), not {self.width}")
        return self


def load(*overrides: str, file: Path | None = None) -> Sizes:
    return load_config(Sizes, file, overrides)


def written(folder: Path, text: str) -> Path:
    file = folder / "sizes.yaml"
    file.write_text(text)
    return file


def test_defaults_are_checked_frozen_and_hashable() -> None:
    config = load()
    assert config == Sizes() and hash(config) == hash(Sizes())
    with pytest.raises(ValidationError):
        config.rows = 3


@pytest.mark.parametrize(
    ("override", "field", "value"),
    [
        ("rows=8", "rows", 8),
        ("rows=0x10", "rows", 16),
        ("rows=010", "rows", 10),  # YAML 1.1 would read eight
        ("ratio=1e-3", "ratio", 0.001),  # YAML 1.1 would read text
        ("ratio=2", "ratio", 2.0),
        ("types=int,flint", "types", (Kind.INT, Kind.FLINT)),
        ("types=[int, flint]", "types", (Kind.INT, Kind.FLINT)),
        ("types=flint", "types", (Kind.FLINT,)),
        ("pair=3,4", "pair", (3, 4)),
        ("bias=false", "bias", False),
        ("note=no", "note", "no"),  # YAML 1.1 would read false
        ("note=a,b", "note", "a,b"),  # no list: the field is text
        ("note=a=b", "note", "a=b"),
        ("width=", "width", None),
        ("width=null", "width", None),
        ("border.depth=5", "border", Border(depth=5)),
        (" rows = 8", "rows", 8),
    ],
)
def test_override(override: str, field: str, value: Any) -> None:
    read = getattr(load(override), field)
    assert read == value and type(read) is type(value)


def test_override_wins_over_file_and_leaves_the_rest(tmp_path: Path) -> None:
    file = written(tmp_path, "rows: 4\nborder: {depth: 7, name: x}\n# comment\n")
    config = load("rows=5", "border.name=y", file=file)
    assert (config.rows, config.border) == (5, Border(depth=7, name="y"))


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_file_is_the_default(tmp_path: Path, text: str) -> None:
    assert load(file=written(tmp_path, text)) == Sizes()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("rows=0", "-p: rows must be an integer from 1 to 64, not 0"),
        ("rows=65", "-p: rows must be an integer from 1 to 64, not 65"),
        ('rows="16"', "-p: rows must be an integer from 1 to 64, not '16'"),
        ("rows=16.0", "-p: rows must be an integer from 1 to 64, not 16.0"),
        ("rows=true", "-p: rows must be an integer from 1 to 64, not True"),
        ("rows=", "-p: rows must be an integer from 1 to 64, not None"),
        ("bias=1", "-p: bias must be true or false, not 1"),
        ("bias=yes", "-p: bias must be true or false, not 'yes'"),
        ("ratio=0", "-p: ratio must be a number above 0, not 0"),
        ("ratio=.nan", "-p: ratio must be a number above 0, not nan"),
        ("ratio=.inf", "-p: ratio must be a number above 0, not inf"),
        ("sign=unsigned", "-p: sign must be one of signed, both, not 'unsigned'"),
        ("types=pot", "-p: types[0] must be one of int, flint, not 'pot'"),
        ("types=[]", "-p: types must be a list of 1 or more (one of int, flint), not []"),
        ("pair=1,x", "-p: pair[1] must be an integer, not 'x'"),
        ("width=wide", "-p: width must be an integer or null, not 'wide'"),
        ("width=3", "-p: width must be at least 16 (rows), not 3"),
        ("border.depth=0", "-p: border.depth must be an integer of at least 1, not 0"),
        ("border=3", "-p: border must be a mapping of depth, name, not 3"),
        ("rows", "-p must be key=value, not 'rows'"),
        ("=3", "-p must be key=value, not '=3'"),
        ("border.=3", "-p must be key=value, not 'border.=3'"),
        ("note=[", "-p note:1:2: must be valid YAML: "),
    ],
)
def test_bad_override_is_one_line(override: str, line: str) -> None:
    with pytest.raises(InputError, match=rf"\A{re.escape(line)}") as caught:
        load(override)
    assert "\n" not in str(caught.value)
    if not line.endswith(": "):
        assert str(caught.value) == line


def test_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    known = "rows, types, ratio, sign, width, bias, note, border, pair"
    line = rf"field must be one of {known}, not 'rwos'; did you mean 'rows'\?\Z"
    with pytest.raises(InputError, match=rf"\A-p: {line}"):
        load("rwos=3")
    file = written(tmp_path, "rwos: 3\n")
    with pytest.raises(InputError, match=rf"\A{re.escape(str(file))}: {line}"):
        load(file=file)
    inner = r"\A-p: field of border must be one of depth, name, not 'dept'; did you mean 'depth'\?"
    with pytest.raises(InputError, match=inner):
        load("border.dept=3")
    with pytest.raises(InputError, match=r"\A-p: field of rows must be one of \(it has none\)"):
        load("rows.x=3")


def test_the_source_of_a_wrong_value_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "rows: 99\nbias: 3\n")
    with pytest.raises(InputError, match=rf"\A{re.escape(str(file))}: rows .*\(and 1 more\)\Z"):
        load(file=file)
    with pytest.raises(InputError, match=r"\A-p: rows must be"):
        load("rows=0", file=written(tmp_path, "rows: 3\n"))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"- 1\n- 2\n", "must be a mapping of fields to values, not [1, 2]"),
        (b"rows\n", "must be a mapping of fields to values, not 'rows'"),
        (b"1: 2\n", "key must be a field name, not 1"),
        (b"rows: [1\n", "must be valid YAML"),
        (b"rows: 1\nrows: 2\n", "key 'rows' is given twice"),
        (b"rows: !!python/object:os.system x\n", "must be valid YAML"),
        (b"\xff\xfe\x00", "must be UTF-8 text"),
        (b"a: \x00\n", "must be valid YAML"),
        (b"rows: " + b"[" * 2000, "must not be nested this deeply"),
        (b"rows: " + b"9" * 5000, "rows must be an integer from 1 to 64, not '999"),
    ],
)
def test_bad_file_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(file=file)
    told = str(caught.value)
    assert told.startswith(str(file)) and line in told
    assert "\n" not in told and len(told) < 300


def test_unreadable_file(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(InputError, match=rf"\A{re.escape(str(path))}: must be a readable file"):
            load(file=path)


def test_fields_in_words() -> None:
    told = {field.name: field.allowed for field in fields_of(Sizes)}
    assert told == {
        "rows": "an integer from 1 to 64",
        "types": "a list of 1 or more (one of int, flint)",
        "ratio": "a number above 0",
        "sign": "one of signed, both",
        "width": "an integer or null",
        "bias": "true or false",
        "note": "text",
        "border": "a mapping of depth, name",
        "pair": "a list of 2: an integer, an integer",
    }
    rows = fields_of(Sizes)[0]
    assert (rows.default, rows.meaning, rows.required) == (16, "Rows of the array.", False)


def test_required_field() -> None:
    class Needy(Config):
        modulus: int = Field(ge=3)

    with pytest.raises(InputError, match=r"\ANeedy: modulus must be given: an integer of at least"):
        load_config(Needy, None, [])
    assert fields_of(Needy)[0].required
