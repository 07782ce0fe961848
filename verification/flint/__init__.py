"""Stimuli and testbench of the flint array."""
