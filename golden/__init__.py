"""Reference models: what the hardware must compute, written from the mathematics alone."""
