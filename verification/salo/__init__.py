"""Testbench of the salo generator."""
