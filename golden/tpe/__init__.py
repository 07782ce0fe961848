"""Golden model of the bit-weight tensor engines: digits, exact products, and cycles.

`encodings` writes integers as digits and `statistics` counts those that are not 0; `gemm` is the
integer arithmetic; `arrays` describes an array, `cycles` says in closed form how long it takes for
two matrices, and `walk` finds the same by doing the work one cycle at a time.
"""
