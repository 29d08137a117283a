"""MMDetection 3's pipelines as programs of the loader."""
