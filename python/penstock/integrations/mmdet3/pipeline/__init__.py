"""Pipelines of MMDetection 3 as the loaders run them."""
