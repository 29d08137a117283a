"""Deep Lake datasets as MMDetection's: samples, annotations, metrics."""
