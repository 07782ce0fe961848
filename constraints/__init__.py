"""Constraints: the built-in technology file, boards' pin files. Data only, no code."""
