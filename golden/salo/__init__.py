"""Golden model of the hybrid sparse attention array.

`formats` holds the parameters of the number formats and the widths that follow from them;
`exponential` is the base-2 exponential of the processing elements; `datapath` is the arithmetic of
one row, step by step, and `machine` runs tiles on it. `attention` is what all of it approximates,
in float64, and `quantiser` turns real queries, keys and values into integers for it.
"""
