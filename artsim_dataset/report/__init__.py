"""Pages about a model and about a data set: HTML that opens anywhere, and the same numbers as JSON and Markdown."""

from artsim_dataset.report.model import write_report

__all__ = ["write_report"]
