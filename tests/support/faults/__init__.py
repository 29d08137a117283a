"""The parts of ``support.fault_server``. Standard library alone: C++ tests start it with any Python."""
