"""Pieces of cocotb testbenches: streams, scoreboard, coverage. One sub-package per accelerator."""
