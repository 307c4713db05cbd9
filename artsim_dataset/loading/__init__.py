"""Rows beyond those that `datasets` reads by itself: other sizes, negatives and splits, originals joined by hash.

* `options.py`: what can be asked for
* `published.py`: where the published files are, a folder or a Hub repository at one commit
* `derive.py`: other rows than the published ones, from the published files
* `small_pictures.py`: the pictures that such rows show
* `originals.py`: paintings joined to a data set that was published without them
* `hub_paintings.py`: those paintings from a Hub data set
"""
