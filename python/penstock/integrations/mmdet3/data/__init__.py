"""Datasets of MMDetection 3 over those of Deep Lake."""
