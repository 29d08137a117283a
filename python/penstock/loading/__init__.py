"""Both loaders: orders and plans, samples, programs, batches. Uses dataset/ and what is below it, and no framework."""
