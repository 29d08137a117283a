"""Penstock behind other libraries' interfaces. Each is imported by its own name, and needs its own extra.

What is here may use everything but the command line. Importing this package imports none of them.
"""

from penstock.loading.compile import register_compiler

# MMDetection 3's pipelines are lists of dicts, too: what is installed will have to decide when both are supported.
register_compiler("penstock.integrations.mmdet.pipeline.dataset_program:compile_pipeline")
