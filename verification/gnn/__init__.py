"""Verification of the gnn generator: a functional simulator of its engine."""
