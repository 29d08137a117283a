"""Deep Lake 3 datasets: metadata, versions, views, and which chunk holds which sample. Uses storage/ and format/."""
