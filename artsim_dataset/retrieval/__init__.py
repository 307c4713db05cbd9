"""Retrieval: exact search at scale, hits for `metrics`, and the protocol of CSD (arXiv 2404.01292, section 5)."""

from artsim_dataset.retrieval.exact import Found, search
from artsim_dataset.retrieval.hits import ranked_hits
from artsim_dataset.retrieval.protocol import KS, Retrieval, Side, retrieve

__all__ = ["KS", "Found", "Retrieval", "Side", "ranked_hits", "retrieve", "search"]
