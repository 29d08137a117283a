"""MMDetection's pipelines as programs of the loader."""
