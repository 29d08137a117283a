"""From a user's transform to the program that the loader runs."""
