"""What every detection framework shares: annotations, categories, steps, samplers. Uses dataset/ and loading/ alone."""
