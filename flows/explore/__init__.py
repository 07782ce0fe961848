"""Design-space sweeps: a space of configs, evaluated on a Dask cluster, and its Pareto set."""
