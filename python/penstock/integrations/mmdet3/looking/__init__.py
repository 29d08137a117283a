"""Looking at what a detector of MMDetection 3 finds."""
