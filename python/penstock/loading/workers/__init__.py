"""Processes that run the Python part of batches for the C++ loader. Uses loading/, and nothing of the core.

The core decodes into memory that the processes map too (:mod:`arena`), so images reach them without a copy. What they
return lies in memory that the consumer has mapped (:mod:`transport`). No memory has a name: it ends with its last
process, however that ends.
"""
