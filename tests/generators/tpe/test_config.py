"""The tpe config: what it refuses, in one line, and what hardware it asks for."""

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
from gatewright.generators.artifacts import Build, Manifest
from gatewright.generators.build import build_design
from gatewright.generators.config import load_config
from gatewright.generators.tpe import generator
from gatewright.generators.tpe.config import LEVELS, OPTIONS, Level, TpeConfig
from gatewright.generators.tpe.design import details, engine, parameters
from gatewright.generators.tpe.engine import Array, Engine
from gatewright.hw.tpe.array_parameters import Level as HardwareLevel

ARRAYS = "systolic_os, systolic_ws, cube, tree, matrix_2d, digit_serial, laconic"
ENCODINGS = "booth, ent, naf, bits, sign_magnitude"
EVERY = [(array, level) for array in Array for level in (Level.AUTO, *LEVELS[array])]


def load(*overrides: str) -> TpeConfig:
    return load_config(TpeConfig, None, overrides)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        ("array=systolic", f"array must be one of {ARRAYS}, not 'systolic'"),
        ("level=opt5", "level must be one of auto, behavioural, mac, opt1, opt1_row, opt1_shared, "
         "opt2, opt4c, opt4e, not 'opt5'"),
        ("encoding=csd", f"encoding must be one of {ENCODINGS} or null, not 'csd'"),
        ("level=opt2", "level must be one of auto, behavioural, mac, opt1, opt1_row, opt1_shared "
         "for systolic_os, not 'opt2'"),
        ("array=systolic_ws level=opt4e", "level must be one of auto, behavioural, mac, opt1, "
         "opt1_row, opt1_shared for systolic_ws, not 'opt4e'"),
        ("array=cube level=opt4c", "level must be one of auto, ..., opt2 for cube, not 'opt4c'"),
        ("array=tree level=opt4c", "level must be one of auto, ..., opt2 for tree, not 'opt4c'"),
        ("array=matrix_2d level=opt4e", "level must be one of auto, ..., opt2 for matrix_2d, not "
         "'opt4e'"),
        ("array=digit_serial level=opt1", "level must be one of auto, opt4c, opt4e for "
         "digit_serial, not 'opt1'"),
        ("array=laconic level=mac", "level must be auto for laconic, not 'mac'"),
        ("level=mac encoding=naf", "encoding must be left out for level mac (its multiplier has "
         "its own), not 'naf'"),
        ("a_width=1", "a_width must be an integer from 2 to 32, not 1"),
        ("b_width=33", "b_width must be an integer from 2 to 32, not 33"),
        ("a_width=8.0", "a_width must be an integer from 2 to 32, not 8.0"),
        ("a_signed=1", "a_signed must be true or false, not 1"),
        ("rows=0", "rows must be an integer from 1 to 256 or null, not 0"),
        ("cols=0", "cols must be an integer from 1 to 256 or null, not 0"),
        ("array=tree depth=0", "depth must be an integer from 1 to 4096 or null, not 0"),
        ("array=laconic lanes=0", "lanes must be an integer from 1 to 64 or null, not 0"),
        ("depth=8", "depth must be left out for systolic_os (it is for systolic_ws, cube, tree, "
         "digit_serial), not 8"),
        ("array=systolic_ws rows=8", "rows must be left out for systolic_ws (it is for "
         "systolic_os, cube, matrix_2d, digit_serial, laconic), not 8"),
        ("lanes=2", "lanes must be left out for systolic_os (it is for matrix_2d, digit_serial, "
         "laconic), not 2"),
        ("accumulate=true", "accumulate must be left out for systolic_os (it is for cube, tree), "
         "not True"),
        ("source=stream", "source must be left out for systolic_os (it is for digit_serial), not "
         "'stream'"),
        ("array=matrix_2d level=opt1 lanes=2", "lanes must be 1 for level opt1, not 2"),
        ("array=matrix_2d level=opt2 lanes=1", "lanes must be at least 2 for level opt2, not 1"),
        ("array=digit_serial level=opt4c lanes=2", "lanes must be 1 for opt4c, not 2"),
        ("array=digit_serial depth=2", "depth must be a multiple of lanes * group = 4 * 8 = 32, "
         "not 2"),
        ("array=digit_serial lanes=3 group=5 depth=32", "depth must be a multiple of lanes * group "
         "= 3 * 5 = 15, not 32"),
        ("array=digit_serial minimum=2", "minimum must be an integer from 0 to 1 or null, not 2"),
        ("array=digit_serial source=values", "source must be one of operands, digits, stream or "
         "null, not 'values'"),
        ("array=cube group=1", "group must be at least 2, not 1"),
        ("accumulator_width=1", "accumulator_width must be an integer from 2 to 64 or null, not 1"),
        ("accumulator_width=65", "accumulator_width must be an integer from 2 to 64 or null, not "
         "65"),
        ("accumulator_width=15", "accumulator_width must be at least 16 for sums of 1 products "
         "unless wrap is true, not 15"),
        ("accumulator_width=20 exact_depth=32", "accumulator_width must be at least 21 for sums of "
         "32 products unless wrap is true, not 20"),
        ("array=tree accumulator_width=18", "accumulator_width must be at least 20 for sums of 16 "
         "products unless wrap is true, not 18"),
        ("exact_depth=0", "exact_depth must be an integer from 1 to 4294967296 or null, not 0"),
        ("a_width=32 b_width=32 exact_depth=2", "exact_depth must be of sums of at most 64 bits "
         "unless wrap is true, not 2 (65 bits)"),
        ("a_width=32 b_width=32 array=tree", "depth must be of sums of at most 64 bits unless wrap "
         "is true, not 16 (68 bits)"),
        ("result_width=16", "saturate or wrap must be true for results of 16 bits of sums of 32 "
         "bits, not both false"),
        ("result_width=33", "result_width must be at most 32, the bits of the sums, not 33"),
        ("saturate=true", "saturate must be false unless result_width is below 32, the bits of the "
         "sums, not true"),
        ("resolve_stages=0", "resolve_stages must be an integer from 1 to 64, not 0"),
        ("resolve_stages=33", "resolve_stages must be at most 32, the bits of the sums, not 33"),
        ("array=laconic resolve_stages=40", "resolve_stages must be at most 32, the bits of the "
         "sums, not 40"),
        ("array=systolic_ws resolve_stages=20", "resolve_stages must be in 1..19, not 20"),
        ("c_input=true back_pressure=false", "c_input must be false without back_pressure, not "
         "true"),
        ("row=4", "field must be one of array, level, rows, ..., not 'row'; did you mean 'rows'?"),
    ],
)  # fmt: skip
def test_refused_in_one_line(overrides: str, line: str) -> None:
    pattern = re.escape(line).replace(r"\.\.\.", ".*")
    with pytest.raises(InputError, match=f"^-p: {pattern}$"):
        load(*overrides.split())


def test_levels_are_those_of_the_hardware() -> None:
    for array, level in EVERY:
        config = TpeConfig(array=array, level=level)
        p = parameters(config)
        if array is not Array.LACONIC:
            assert p.level is HardwareLevel(config.resolved_level.value)
            assert {each.value for each in p.LEVELS} == set(LEVELS[array])


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("array", "level"), EVERY)
def test_every_level_of_every_array_is_emitted(array: Array, level: Level, tmp_path: Path) -> None:
    small = {"rows": 2, "cols": 2, "depth": 2, "lanes": 2, "group": 2}
    options: dict[str, Any] = {name: small[name] for name in OPTIONS[array] if name in small}
    if array is Array.DIGIT_SERIAL:
        options |= {"lanes": 1, "depth": 4} if level is Level.OPT4C else {"depth": 8}
    if array is Array.MATRIX_2D and level is not Level.OPT2:
        options["lanes"] = 1
    config = TpeConfig(array=array, level=level, **options)
    manifest = Build.load(build_design(generator, config, tmp_path).folder).manifest
    assert Engine.of(manifest) == engine(config)
    assert manifest.testbench == "gatewright.verification.tpe.testbench"
    assert all(stream.meaning for stream in manifest.streams)


def test_options_are_those_of_the_hardware() -> None:
    """Defaults that the config tells are those that the hardware gets."""
    for array in Array:
        config = TpeConfig(array=array)
        p = parameters(config)
        for name, value in OPTIONS[array].items():
            assert getattr(getattr(p, name), "value", getattr(p, name)) == value


@pytest.mark.parametrize(("overrides", "bits", "products"), [
    ("", 32, 131071), ("exact_depth=1024", 26, 1024 * 2 - 1), ("accumulator_width=40", 40, None),
    ("a_width=4", 28, None), ("a_signed=false", 32, 65793), ("a_width=16 b_width=16", 48, None),
    ("a_width=32 b_width=32", 64, 1), ("accumulator_width=10 wrap=true", 10, 0),
])  # fmt: skip
def test_accumulators(overrides: str, bits: int, products: int | None) -> None:
    config = load(*overrides.split())
    assert config.accumulator_bits == parameters(config).accumulator_width == bits
    most = config.exact_products
    assert products in (None, most)
    assert config.exact_bits(most + 1) > bits
    assert most == 0 or config.exact_bits(most) <= bits
    proof = details(config).latency["accumulator"]
    assert str(most) in proof if most else "modulo 2^10" in proof


def test_a_stream_of_digits_for_each_row(tmp_path: Path) -> None:
    config = load("array=digit_serial", "source=stream", "rows=3", "cols=1", "depth=4", "group=1")
    manifest = build_design(generator, config, tmp_path).manifest
    names = [stream.name for stream in manifest.streams]
    assert names == ["i", "digits__0", "digits__1", "digits__2", "o"]
    # One slot for each lane: its number takes no bits, and is no field.
    assert [field.name for field in manifest.stream("digits__0").fields][-1] == "last"
    assert not any("slot" in field.name for field in manifest.stream("digits__0").fields)


def test_without_back_pressure_there_is_no_ready(tmp_path: Path) -> None:
    manifest = build_design(generator, load("back_pressure=false", "rows=1"), tmp_path).manifest
    assert manifest.stream("o").ready == "" and manifest.stream("i").ready == "i__ready"
    assert "o__ready" not in [port.name for port in manifest.ports]
    assert "o__ready" not in (tmp_path / manifest.verilog[0]).read_text()


def test_survives_json() -> None:
    config = load("array=digit_serial", "encoding=ent", "source=digits", "saturate=true",
                  "result_width=8")  # fmt: skip
    text = json.dumps(config.model_dump(mode="json"))
    assert TpeConfig.model_validate(json.loads(text)) == config


def test_only_a_tpe_design_is_an_engine(tmp_path: Path) -> None:
    manifest: Manifest = build_design(generator, load("rows=1", "cols=1"), tmp_path).manifest
    with pytest.raises(InputError, match=r"^manifest must be that of a tpe design, not of flint"):
        Engine.of(replace(manifest, generator="flint", throughput={}))


options = {
    "rows": st.integers(1, 5), "cols": st.integers(1, 5), "depth": st.integers(1, 40),
    "lanes": st.integers(1, 5), "group": st.integers(1, 5), "minimum": st.integers(0, 1),
    "accumulate": st.booleans(), "source": st.sampled_from(["operands", "digits", "stream"]),
}  # fmt: skip
everywhere = {
    "level": st.sampled_from([each.value for each in Level]),
    "encoding": st.sampled_from(["booth", "ent", "naf", "bits", "sign_magnitude"]),
    "a_width": st.integers(2, 32), "a_signed": st.booleans(), "b_width": st.integers(2, 32),
    "b_signed": st.booleans(), "accumulator_width": st.integers(2, 64),
    "exact_depth": st.integers(1, 100_000), "result_width": st.integers(2, 64),
    "saturate": st.booleans(), "wrap": st.booleans(), "resolve_stages": st.integers(1, 4),
    "c_input": st.booleans(), "back_pressure": st.booleans(),
}  # fmt: skip


@st.composite
def configs(draw: Any) -> dict[str, Any]:
    """Configs that are legal more often than not."""
    array = draw(st.sampled_from(list(Array)))
    having = {name: options[name] for name in OPTIONS[array]} | everywhere
    names = draw(st.lists(st.sampled_from(sorted(having)), max_size=4, unique=True))
    return {"array": array.value} | {name: draw(having[name]) for name in names}


@settings(max_examples=100)
@given(configs())
def test_a_config_is_built_or_refused_in_a_sentence(values: dict[str, Any]) -> None:
    overrides = [f"{name}={json.dumps(value)}" for name, value in values.items()]
    try:
        config = load(*overrides)
    except InputError as error:
        assert re.match(r"^-p: [\w ]+ must ", str(error)) and "\n" not in str(error)
        return
    told = engine(config)
    assert told.model.latency == told.result_latency > 0
    assert Engine(**(told.latency_figures | told.shape_figures)) == told
    p = parameters(config)
    assert p.accumulator_width == told.accumulator_bits >= told.result_bits
