"""Which lines and bits of a design a simulation has exercised."""
