"""Layers of `golden/gnn` in operators, one file each."""
