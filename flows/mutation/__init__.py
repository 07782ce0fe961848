"""Wrong versions of a design, and which of them its tests find."""
