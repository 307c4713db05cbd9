"""The stages, one file each, in the order of the pipeline. They never import each other."""
