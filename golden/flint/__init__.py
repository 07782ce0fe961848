"""Golden model of the flint accelerator.

`types` holds the number types as tables of Python integers and imports nothing heavy; `codec`,
`search`, `quantiser`, `pipeline` and `network` work on torch tensors and import torch.
"""
