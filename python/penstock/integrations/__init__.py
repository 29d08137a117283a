"""Penstock behind other libraries' interfaces. Each is imported by its own name, and needs its own extra.

What is here may use everything but the command line. Importing this package imports none of them.
"""

from penstock.loading.compile import register_compiler

register_compiler("penstock.integrations.openmmlab.compiling:compile_pipeline")
