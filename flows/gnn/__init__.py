"""System runs of the graph engine: its Verilog with a model of the memory around it."""
