"""Looking at samples: drawn into a picture (``penstock show``, :func:`penstock.show`), or on a local page
(``penstock view``). Knows no framework: what a pipeline makes of a sample is handed in.
"""
