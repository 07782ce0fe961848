"""Verilog of a plain weight-stationary array, the design under test of the simulation benchmark.

``a`` enters at the left, a word per row and cycle; weights shift down while ``load`` is high;
``y`` leaves at the bottom: with weights W [rows, cols], and row r and column c counted from the
top left, y[t + 1 + c, c] = Σ_r a[t - (rows - 1 - r), r] · W[r, c], rows fed a cycle apart.
"""

from __future__ import annotations

from pathlib import Path

from gatewright.generators.artifacts import Build, Manifest, Port

__all__ = ["systolic_array"]

WORD, SUM = 8, 32

PE = """module pe(
  input clk, input rst, input load,
  input signed [7:0] a_in, input signed [7:0] w_in, input signed [31:0] p_in,
  output reg signed [7:0] a_out, output reg signed [7:0] w_out, output reg signed [31:0] p_out
);
  wire signed [15:0] product = a_in * w_out;
  always_ff @(posedge clk)
    if (rst) begin
      a_out <= 0;
      p_out <= 0;
    end else begin
      a_out <= a_in;
      p_out <= p_in + {{16{product[15]}}, product};
    end
  always_ff @(posedge clk)
    if (rst) w_out <= 0;
    else if (load) w_out <= w_in;
endmodule
"""


def systolic_array(size: int, folder: Path) -> Build:
    """Write a build folder of a ``size`` x ``size`` array of 8-bit words and 32-bit sums."""
    word, total = WORD * size, SUM * size
    row = [
        f"module row(input clk, input rst, input load, input [7:0] a_in, "
        f"input [{word - 1}:0] w_in, input [{total - 1}:0] p_in, "
        f"output [{word - 1}:0] w_out, output [{total - 1}:0] p_out);"
    ]
    top = [
        f"module systolic(input clk, input rst, input load, input [{word - 1}:0] a, "
        f"input [{word - 1}:0] w, output [{total - 1}:0] y);"
    ]
    for i in range(size):
        before = f"a_{i - 1}" if i else "a_in"
        w, p = f"[{8 * i} +: 8]", f"[{32 * i} +: 32]"
        row += [
            f"  wire [7:0] a_{i};",
            f"  pe pe_{i}(.clk(clk), .rst(rst), .load(load), .a_in({before}), .w_in(w_in{w}), "
            f".p_in(p_in{p}), .a_out(a_{i}), .w_out(w_out{w}), .p_out(p_out{p}));",
        ]
        above = (f"w_{i - 1}", f"p_{i - 1}") if i else ("w", f"{total}'d0")
        top += [
            f"  wire [{word - 1}:0] w_{i};\n  wire [{total - 1}:0] p_{i};",
            f"  row row_{i}(.clk(clk), .rst(rst), .load(load), .a_in(a{w}), .w_in({above[0]}), "
            f".p_in({above[1]}), .w_out(w_{i}), .p_out(p_{i}));",
        ]
    text = "\n".join([PE, *row, "endmodule\n", *top, f"  assign y = p_{size - 1};", "endmodule\n"])
    ports = (
        Port("load", "in", 1), Port("a", "in", word), Port("w", "in", word),
        Port("y", "out", total),
    )  # fmt: skip
    manifest = Manifest(
        generator="benchmark", design=f"systolic_{size}x{size}", top="systolic",
        verilog=("systolic.v",), config={"size": size}, config_hash="", hash="",
        clock="clk", reset="rst", ports=ports, testbench="systolic_bench",
    )  # fmt: skip
    build = Build(folder, manifest)
    build.save({"systolic.v": text})
    return build
