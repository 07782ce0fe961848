"""Gatewright: hardware generators, from a config or a workload to verified, placed Verilog."""

__version__ = "0.1.0"
