// Carry chain without lookahead: the smallest adder, for `synth -extra-map`. Of several rules for a
// cell, techmap takes the first by name: this one must come before Yosys' own `_90_lcu_...`.
(* techmap_celltype = "$lcu" *)
module _50_ripple_carry (P, G, CI, CO);
  parameter WIDTH = 2;
  (* force_downto *)
  input [WIDTH-1:0] P, G;
  input CI;
  (* force_downto *)
  output [WIDTH-1:0] CO;
  assign CO = G | (P & {CO, CI});
endmodule
