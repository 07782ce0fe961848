"""Stimuli and testbench of the tensor engines."""
