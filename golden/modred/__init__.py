"""Golden models of modular reduction: Python integers, each stage held to its exact bound.

`model` is what all models share; one file per architecture; `operations` holds what the whole
designs compute, and `vectors` the operands that find their mistakes.
"""
