"""Training in several processes, for every integration: the process group, what is gathered, and the random state."""
