"""Processing elements of tensor engines that take products apart into digits ("bit weights").

Papers: "Exploring the performance improvement of tensor processing engines through transformation
in the bit-weight dimension of MACs" (HPCA 2025), whose names OPT1 … OPT4E are kept here.
"""
