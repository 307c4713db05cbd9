"""Run by the python of each environment: does what it is told with `datasets`, and prints what came out as JSON.

    echo '{"by folder": {"do": "load", "path": "DIR", "config": "triplets"}}' | python probe.py

Needs `datasets` and nothing of artsim. Jobs: ``configs`` (names of a path), ``load`` (`load_dataset`), ``class``
(`ArtSim` of a loading script, used directly), ``library`` (`load_artsim`). With ``--alone`` there is no artsim library.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys

import datasets


def digest_of(rows):
    """Number and digest of rows: of images the mode, the size and every pixel, of all else the text of the value."""
    count, state = 0, hashlib.sha256()
    for row in rows:
        count += 1
        for name in sorted(row):
            value = row[name]
            state.update(name.encode())
            if hasattr(value, "tobytes"):
                state.update(f"{value.mode} {value.size}".encode() + value.tobytes())
            else:
                state.update(repr(value).encode())
    return [count, state.hexdigest()]


def shown(features):
    return {
        name: "image" if isinstance(f, datasets.Image) else "|".join(getattr(f, "names", None) or [f.dtype])
        for name, f in features.items()
    }


def result_of(loaded):
    splits = loaded if isinstance(loaded, dict) else {"": loaded}
    features = {json.dumps(shown(rows.features)) for rows in splits.values()}
    assert len(features) == 1, features
    return {"features": json.loads(features.pop()), "splits": {s: digest_of(rows) for s, rows in splits.items()}}


def with_class(job):
    spec = importlib.util.spec_from_file_location("loading_script", job["script"])
    module = importlib.util.module_from_spec(spec)
    sys.modules["loading_script"] = module
    spec.loader.exec_module(module)
    builder = module.ArtSim(config_name=job["config"], **job.get("given", {}))
    if job.get("streaming"):
        return builder.as_streaming_dataset()
    builder.download_and_prepare(num_proc=job.get("num_proc"))
    return builder.as_dataset()


def done(job):
    if job["do"] == "configs":
        return datasets.get_dataset_config_names(job["path"])
    if job["do"] == "class":
        return result_of(with_class(job))
    given = job.get("given", {})
    config = [job["config"]] if "config" in job else []
    if job["do"] == "library":
        from artsim_dataset import load_artsim

        return result_of(load_artsim(job["path"], *config, **given))
    return result_of(datasets.load_dataset(job["path"], *config, **given))


def main():
    if "--alone" in sys.argv:
        sys.modules["artsim_dataset"] = None  # every import of it fails, as if it were not installed
    results = {"version": datasets.__version__}
    for name, job in json.load(sys.stdin).items():
        try:
            results[name] = done(job)
        except Exception as error:  # a road that is closed is a result; the others are still tried
            results[name] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
