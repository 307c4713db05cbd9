"""Letterboxing against S1's way: Pillow, Lanczos, eight threads, JPEG q95, on the same files in the same run.

    python -m benchmarks.preprocess

The paintings are enlarged to 1,900 px first, the size of a good reproduction. Both sides read files and make JPEG
bytes; ours also makes the perceptual hash and the thumbnail, in as many worker processes as there are cores, as the
engine runs it. At least 2.3 times Pillow's throughput is the goal, at a PSNR of 50 dB on average and 45 dB at worst
between the letterboxed pixels of both sides before they are encoded.

    python -m benchmarks.preprocess --img2dataset

also sets img2dataset's resizer beside them, in as many processes as there are cores as img2dataset runs it, with its
mode `border` and its defaults: OpenCV, `area` when it makes smaller, JPEG q95. It wants older pandas and OpenCV, so it
lives in an environment of its own, `.cache/bench/img2dataset`, which is made when it is missing.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from artsim_dataset.letterbox import content_pixels, letterbox
from benchmarks.measure import header, interleave, paintings, record, spread
from builder.engine import LocalEngine, Tick

SIZE, QUALITY, THREADS, CHUNK = 768, 95, 8, 4

PEER = Path(__file__).parents[1] / ".cache" / "bench" / "img2dataset"
PEER_LOOP = """
import io, sys
from multiprocessing import Pool
from img2dataset.resizer import Resizer

def one(path):
    resizer = Resizer(int(sys.argv[1]), "border", False)
    with open(path, "rb") as file:
        image, *_, error = resizer(io.BytesIO(file.read()))
    assert error is None, error
    return len(image)

if __name__ == "__main__":
    paths = sys.argv[3:]
    with Pool(int(sys.argv[2])) as pool:
        pool.map(one, paths, chunksize=4)  # starts the workers
        print("ready", flush=True)
        for line in sys.stdin:
            print(sum(pool.map(one, paths, chunksize=4)), flush=True)
"""
"""img2dataset's resizer on files, once more for each line that comes in."""


def enlarge(source: Path, out: Path, count: int, longest: int) -> list[str]:
    """Writes ``count`` paintings, evenly taken, with their longest side at ``longest`` pixels."""
    files = sorted(source.rglob("*.jpg"))
    names = []
    for number in range(min(count, len(files))):
        with Image.open(files[number * len(files) // count]) as opened:
            image = opened.convert("RGB")
        ratio = longest / max(image.size)
        size = round(image.width * ratio), round(image.height * ratio)
        path = out / f"{number:04d}.jpg"
        image.resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
        names.append(str(path))
    return names


def pillow_pixels(path: str) -> Image.Image:
    """S1's letterbox."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    ratio = min(SIZE / image.width, SIZE / image.height)
    width, height = int(image.width * ratio), int(image.height * ratio)
    frame = Image.new("RGB", (SIZE, SIZE))
    frame.paste(image.resize((width, height), Image.Resampling.LANCZOS), ((SIZE - width) // 2, (SIZE - height) // 2))
    return frame


def by_pillow(path: str) -> int:
    buffer = io.BytesIO()
    pillow_pixels(path).save(buffer, "JPEG", quality=QUALITY)
    return len(buffer.getvalue())


def by_artsim(paths: list[str], tick: Tick) -> int:
    return sum(len(letterbox(Path(path).read_bytes(), SIZE, QUALITY).jpeg) for path in paths)


@contextmanager
def by_img2dataset(files: list[str]) -> Iterator[Callable[[], object]]:
    """Gives a function that resizes all files in img2dataset's own environment and processes."""
    python = PEER / "bin" / "python"
    if not python.exists():
        venv.create(PEER, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "img2dataset==1.47.0"], check=True)
    command = [str(python), "-c", PEER_LOOP, str(SIZE), str(os.cpu_count()), *files]
    quiet = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet) as process:
        assert process.stdin is not None and process.stdout is not None
        source, sink = process.stdout, process.stdin

        def answer() -> str:
            if not (line := source.readline()):
                sys.exit("img2dataset ended with an error")
            return line

        def once() -> None:
            sink.write("go\n")
            sink.flush()
            answer()

        answer()
        yield once
        sink.close()


def psnr(path: str) -> float:
    """Decibels between the two letterboxed frames; 99 when they are equal."""
    content, _, _ = content_pixels(Path(path).read_bytes(), SIZE)
    frame = np.zeros((SIZE, SIZE, 3))
    height, width = content.shape[:2]
    left, top = (SIZE - width) // 2, (SIZE - height) // 2
    frame[top : top + height, left : left + width] = content
    error = float(np.mean((frame - np.asarray(pillow_pixels(path), np.float64)) ** 2))
    return 10 * np.log10(255**2 / error) if error else 99.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", help="folder of paintings")
    parser.add_argument("--count", type=int, default=144)
    parser.add_argument("--longest", type=int, default=1900, help="longest side of the enlarged paintings, in pixels")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--img2dataset", action="store_true", help="set img2dataset beside them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = enlarge(paintings(options.paintings), Path(folder), options.count, options.longest)
        chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
        engine = LocalEngine()

        def ours() -> None:
            list(engine.map(by_artsim, chunks, lambda rows: None))

        def theirs() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(by_pillow, files))

        ours()  # starts the workers, and warms the file cache for all
        work: dict[str, Callable[[], object]] = {"artsim": ours, "pillow": theirs}
        if options.img2dataset:
            with by_img2dataset(files) as peer:
                times = interleave({**work, "img2dataset": peer}, options.repeats)
        else:
            times = interleave(work, options.repeats)
        engine.close()
        decibels = [psnr(path) for path in files]
    rates = {name: [len(files) / t for t in taken] for name, taken in times.items()}
    ratios = [ours / theirs for ours, theirs in zip(rates["artsim"], rates["pillow"], strict=True)]
    print(f"{len(files)} paintings of {options.longest} px, {options.repeats} interleaved repeats; {header()}")
    print(f"{'':34}min / median / max")
    print(f"pillow, {THREADS} threads, images/s{'':10}{spread(rates['pillow'], 1)}")
    print(f"artsim, {os.cpu_count()} processes, images/s{'':8}{spread(rates['artsim'], 1)}")
    print(f"ratio of throughput (goal 2.3){'':4}{spread(ratios)}")
    record(f"letterbox of {options.longest} px : S1's (Pillow, Lanczos, 8 threads), images/s", ratios, ">= 2.3")
    if "img2dataset" in rates:
        beside = [ours / theirs for ours, theirs in zip(rates["artsim"], rates["img2dataset"], strict=True)]
        print(f"img2dataset, {os.cpu_count()} processes, images/s{'':3}{spread(rates['img2dataset'], 1)}")
        print(f"ratio to img2dataset{'':14}{spread(beside)}")
        record(f"letterbox of {options.longest} px : img2dataset's resizer (OpenCV, area), images/s", beside)
    print(f"PSNR, dB: mean {np.mean(decibels):.1f} (goal 50), worst {min(decibels):.1f} (goal 45)")


if __name__ == "__main__":
    main()
