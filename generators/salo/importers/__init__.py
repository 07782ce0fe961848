"""Patterns from what others write: masks, FlexAttention, Hugging Face configs, vision windows.

:mod:`.description`, :mod:`.hugging_face` and :mod:`.vision` need no torch; :mod:`.boolean` takes
its tensors, :mod:`.flex_attention` its mask functions. What cannot be a set of allowed pairs is
refused by name.
"""
