"""Pages about a model and about a data set: HTML that opens anywhere, and the same numbers as JSON and Markdown.

`model.py` tells how a model did on a data set, `data.py` what a data set is. Both are made the same way (`page.py`):
the JSON first, the page and the Markdown of it.
"""

from artsim_dataset.report.data import write_data_report
from artsim_dataset.report.model import write_report

__all__ = ["write_data_report", "write_report"]
