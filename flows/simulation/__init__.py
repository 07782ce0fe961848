"""Simulation of a build folder, with two engines: cocotb for protocol, a batched one for volume."""
