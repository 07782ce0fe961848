"""Small hand-written build folders, and a cache of their own for all synthesis tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from gatewright.generators.artifacts import Build, Manifest, Port

MakeBuild = Callable[..., Build]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWRIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def make_build(tmp_path: Path) -> MakeBuild:
    def make(
        name: str,
        text: str,
        ports: Sequence[tuple[str, str, int]] = (),
        clock: str | None = "clk",
        reset: str | None = "rst",
    ) -> Build:
        manifest = Manifest(
            generator="hand",
            design=name,
            top=name,
            verilog=(f"{name}.v",),
            config={},
            config_hash="0" * 16,
            hash=hashlib.sha256(text.encode()).hexdigest(),
            clock=clock,
            reset=reset,
            ports=tuple(Port(n, d, w) for n, d, w in ports),  # type: ignore[arg-type]
        )
        build = Build(tmp_path / name, manifest)
        build.save({f"{name}.v": text})
        return build

    return make


ADDER = """module adder(input signed [7:0] a, input signed [7:0] b, output signed [7:0] y);
  assign y = a + b;
endmodule
"""
MULTIPLIER = """module multiplier(input signed [5:0] a, b, output signed [11:0] y);
  assign y = a * b;
endmodule
"""
# A row of accumulators with enable and reset, one module per element; one output is constant, one
# copies another, one passes an input through.
ROW = """module cell_(input clk, input rst, input en, input signed [3:0] a, input signed [3:0] b,
              output reg signed [3:0] q, output reg signed [9:0] acc);
  always_ff @(posedge clk)
    if (rst) begin q <= 4'sd0; acc <= 10'sd1; end
    else if (en) begin q <= a; acc <= acc + a * b; end
endmodule
module row(input clk, input rst, input en, input signed [3:0] a, input signed [3:0] b,
           output signed [9:0] y0, output signed [9:0] y1, output [1:0] fixed,
           output signed [3:0] copy, output signed [3:0] again, output through);
  wire signed [3:0] q0, q1;
  cell_ first (.clk(clk), .rst(rst), .en(en), .a(a), .b(b), .q(q0), .acc(y0));
  cell_ second (.clk(clk), .rst(rst), .en(en), .a(q0), .b(b), .q(q1), .acc(y1));
  assign fixed = 2'b10;
  assign copy = q1;
  assign again = q1;
  assign through = en;
endmodule
"""
ROW_PORTS = (
    ("en", "in", 1), ("a", "in", 4), ("b", "in", 4), ("y0", "out", 10), ("y1", "out", 10),
    ("fixed", "out", 2), ("copy", "out", 4), ("again", "out", 4), ("through", "out", 1),
)  # fmt: skip


@pytest.fixture
def adder(make_build: MakeBuild) -> Build:
    ports = (("a", "in", 8), ("b", "in", 8), ("y", "out", 8))
    return make_build("adder", ADDER, ports, clock=None, reset=None)


@pytest.fixture
def multiplier(make_build: MakeBuild) -> Build:
    ports = (("a", "in", 6), ("b", "in", 6), ("y", "out", 12))
    return make_build("multiplier", MULTIPLIER, ports, clock=None, reset=None)


@pytest.fixture
def row(make_build: MakeBuild) -> Build:
    return make_build("row", ROW, ROW_PORTS)


@pytest.fixture
def nangate() -> Path:
    path = Path("/work/shared/liberty/nangate45_typ.lib.gz")
    if not path.is_file():
        pytest.skip("no Nangate45 library on this machine")
    return path
