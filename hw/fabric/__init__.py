"""Stream plumbing shared by all accelerators."""
