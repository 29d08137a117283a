"""What loaders do and when, as files that Perfetto and chrome://tracing open. Knows no loader: who does something
writes a span (``recorder.py``), and ``session.py`` begins, ends and writes the file.
"""
