"""Amaranth components. Imports amaranth and this package, nothing else."""
