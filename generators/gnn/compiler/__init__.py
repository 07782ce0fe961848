"""Compiler of int8 networks: lowering, passes, slots, code."""
