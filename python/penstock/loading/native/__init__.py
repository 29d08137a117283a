"""The C++ loader: what the core is told, and what Python adds to its batches. Uses the core and loading/."""
