"""Madoguchi, the desk on LINE: one thread for each sum of numbers, for many small ones wait for one another otherwise.

The rule: an operator's own OMP_NUM_THREADS stays (learning is quicker with two).
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is loaded; OpenBLAS heeds it too
