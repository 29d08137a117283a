"""The native steps in numpy and cv2: what the Python loader runs, and what the core is tested against. Uses detection/.

Written from what MMDetection 2.28 and mmcv 1.7 define; a step's random numbers are those of MMDetection's class, in
its order, so that the class gives the same when it is fed the same numbers.
"""

from penstock.detection.reference.mix import partner_indices
from penstock.detection.reference.results import Results, Wrappers
from penstock.detection.reference.run import Partners, run_step

__all__ = ["Partners", "Results", "Wrappers", "partner_indices", "run_step"]
