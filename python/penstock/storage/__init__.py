"""Where the bytes of a dataset lie: one small interface and its stores. Uses no other folder."""
