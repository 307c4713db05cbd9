"""``python -m artsim_dataset.cli`` is the `artsim` command."""

from artsim_dataset.cli import main

main()
