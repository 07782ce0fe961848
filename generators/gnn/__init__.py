"""The gnn generator: partition engine, compiler and partitioner of graph networks (2023)."""
