# TEMPORARY scratch by the founder; helper 3 replaces this file.
from artsim_dataset.schema import seed_from
def group_paintings(ids, phashes, thumbs, style_vectors=None):
    return list(ids)
def assign_splits(ids, groups, genres, artists, scheme="random", train_share=0.8, seed=0):
    return ["train" if seed_from("split", g, seed) % 1000 < train_share * 1000 else "test" for g in groups]
