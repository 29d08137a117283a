"""Helpers that several test folders share: optional dependencies, pictures, datasets, damage."""
