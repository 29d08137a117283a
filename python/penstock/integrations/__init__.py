"""Penstock behind other libraries' interfaces. Each is imported by its own name, and needs its own extra."""
