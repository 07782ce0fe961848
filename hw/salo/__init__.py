"""Units of the array for hybrid sparse attention: brief `salo`, sections 4 and 6."""
