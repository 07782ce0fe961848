"""The salo generator: hybrid sparse attention, from a mask to tiles on an array (DAC 2022)."""
