"""Runs of MMDetection 3: loops, checkpoints, checks."""
