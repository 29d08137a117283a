"""What MMDetection 2 and 3 share: how their transforms take arguments. Uses detection/, and imports neither."""
