"""Deciding claims about Verilog: model checking, exhaustive simulation, counterexamples."""
