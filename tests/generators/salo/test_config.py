"""The salo config: what it refuses, in one line, and what hardware it asks for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.errors import InputError
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.salo import generator
from gatewright.generators.salo.config import SaloConfig
from gatewright.generators.salo.design import Engine, details, parameters
from gatewright.golden.salo.formats import HW8, HW12, MAX_SHIFT


def load(overrides: str) -> SaloConfig:
    return load_config(SaloConfig, None, overrides.split())


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ("rows=0", "rows must be an integer from 1 to 128, not 0"),
        ("cols=129", "cols must be an integer from 1 to 128, not 129"),
        ("segments=3", "segments must be a divisor of cols = 32, not 3"),
        ("segments=64", "segments must be a whole number from 1 to 32, not 64"),
        ("gather=9", "gather must be an integer from 0 to 8, not 9"),
        ("global_rows=5", "global_rows must be an integer from 0 to 4, not 5"),
        ("global_row_kv=own", "global_row_kv must be one of shared, private, not 'own'"),
        ("torus=true rows=16", "torus must have rows = cols / segments = 32, not 16"),
        ("torus=true segments=2", "torus must have rows = cols / segments = 16, not 32"),
        ("torus=1", "torus must be true or false, not 1"),
        ("numbers=hw9", "numbers must be one of hw8, hw12, not 'hw9'"),
        ("q_bits=13", "q_bits must be an integer from 2 to 12, not 13"),
        ("kv_bits=9", "kv_bits must be an integer from 2 to 8, not 9"),
        ("exp_bits=7", "exp_bits must be an integer from 8 to 17, not 7"),
        ("shift_bits=6", "shift_bits must be an integer from 1 to 5, not 6"),
        ("dk_max=1", "dk_max must be an integer from 2 to 256, not 1"),
        ("dv_max=64.0", "dv_max must be an integer from 1 to 256, not 64.0"),
        ("max_tokens=65537", "max_tokens must be an integer from 2 to 65536, not 65537"),
        ("program_words=15", "program_words must be an integer from 16 to 16777216, not 15"),
        ("result_blocks=0", "result_blocks must be an integer from 1 to 64, not 0"),
        ("pipeline=2", "pipeline must be one of 0, 1, not 2"),
        ("lanes=5", "lanes must be a divisor of rows = 32, not 5"),
        ("block_keys=32", "block_keys must be at least cols + gather = 33, not 32"),
        ("reads=0", "reads must be an integer from 1 to 64 or null, not 0"),
        ("reads=1", "reads must be at least 2 for dk_max = 64, so that vectors are read while a "
         "tile is at work, not 1"),
        ("reads=4 dv_max=16", "reads must be at least 6 for dv_max = 16, so that vectors are read "
         "while a tile is at work, not 4"),
        ("dv_max=1", "dv_max must be at least 2, so that vectors are read while a tile is at work, "
         "not 1"),
        ("dv_max=1 reads=64", "dv_max must be at least 2, so that vectors are read while a tile is "
         "at work, not 1"),
        ("rows=1 cols=64 dk_max=16 dv_max=16", "dk_max + dv_max must be at least 63, so that a "
         "tile is as long as the array, not 32"),
        ("row=4", "field must be one of rows, cols, ..., not 'row'; did you mean 'rows'?"),
    ],
)  # fmt: skip
def test_refused_in_one_line(overrides: str, line: str) -> None:
    pattern = re.escape(line).replace(r"\.\.\.", ".*")
    with pytest.raises(InputError, match=f"^-p: {pattern}$"):
        load(overrides)


@pytest.mark.parametrize(("overrides", "reads", "lanes", "block_keys"), [
    ("", 3, 16, 1024), ("max_tokens=2", 3, 16, 33), ("rows=17", 3, 1, 1024),
    ("rows=48", 4, 16, 1024), ("rows=12 lanes=3 reads=9 block_keys=50", 9, 3, 50),
    ("dk_max=2 dv_max=200", 64, 16, 1024),
])  # fmt: skip
def test_defaults(overrides: str, reads: int, lanes: int, block_keys: int) -> None:
    p = parameters(load(overrides))
    assert (p.reads, p.lanes, p.block_keys) == (reads, lanes, block_keys)


def test_reads_are_the_fewest_that_do() -> None:
    """One read less is refused for heads of half the size, and done with by those of that."""
    for overrides in ("", "rows=8 cols=8 dk_max=16 dv_max=24 segments=2", "gather=4 dk_max=40"):
        config = load(overrides)
        half = min(config.dk_max, config.dv_max) // 2
        reads = parameters(config).reads
        smaller = f"{overrides} dk_max={half} dv_max={half}"
        assert Engine.made_of(load(f"{smaller} reads={reads}")).dv_range[0] <= half
        with pytest.raises(InputError, match=f"reads must be at least {reads} for"):
            load(f"{smaller} reads={reads - 1}")


def test_formats_are_those_of_the_golden_model() -> None:
    assert load("").format == HW8
    assert load("numbers=hw12").format == HW12
    changed = load("numbers=hw12 q_bits=9 kv_bits=5 exp_bits=12").format
    assert changed == replace(HW12, q_bits=9, kv_bits=5, exp_bits=12)


def test_a_manifest_tells_the_engine(tmp_path: Path) -> None:
    config = load(
        "rows=2 cols=2 dk_max=8 dv_max=8 max_tokens=16 global_row_kv=private numbers=hw12"
    )
    manifest = build_design(generator, config, tmp_path).manifest
    engine = Engine.of(manifest)
    assert engine == Engine.made_of(config) and engine.private
    assert manifest.testbench == "gatewright.verification.salo.testbench"
    assert all(stream.meaning for stream in manifest.streams)
    told = manifest.latency
    for name, limits in (("dk", engine.dk_range), ("dv", engine.dv_range)):
        assert str(told[name]).startswith("{} to {} ".format(*limits))
    assert "f in {} to {}".format(*engine.shift_range) in str(told["shift"])
    assert manifest.throughput["multipliers"] == config.shape.multipliers
    with pytest.raises(InputError, match=r"^manifest must be that of a salo design, not of tpe"):
        Engine.of(replace(manifest, generator="tpe"))


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Whatever a field takes."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "boolean":
        return st.booleans()
    integer = schema if "minimum" in schema else schema["anyOf"][0]
    return st.integers(integer["minimum"], integer["maximum"])


FIELDS = {
    name: values(schema) for name, schema in SaloConfig.model_json_schema()["properties"].items()
}


@settings(max_examples=200)
@given(st.data())
def test_a_config_is_built_or_refused_in_a_sentence(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=5, unique=True))
    overrides = [f"{name}={json.dumps(data.draw(FIELDS[name]))}" for name in names]
    try:
        config = load_config(SaloConfig, None, overrides)
    except InputError as error:
        assert re.match(r"^-p: [\w +]+ must ", str(error)) and "\n" not in str(error)
        return
    engine = Engine.made_of(config)
    (dk_least, dk_most), (dv_least, dv_most) = engine.dk_range, engine.dv_range
    assert dk_least <= dk_most == config.dk_max and dv_least <= dv_most == config.dv_max
    assert engine.tile_least <= dk_most + dv_most + 2
    least, most = engine.shift_range
    assert most == min(least + 2**config.shift_bits - 1, MAX_SHIFT)
    assert details(config).throughput["multipliers"] == config.shape.multipliers
    assert SaloConfig.model_validate(json.loads(config.model_dump_json())) == config
