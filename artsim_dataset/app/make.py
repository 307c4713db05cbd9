"""The tab *Make a variant*: a picture through the build, here and now, with its prompt, seed and provenance.

The library never imports the builder, so the function that makes variants is handed in by who starts the page
(``Shown.maker``): `builder.single` runs the stages of a real `lite` build on one row.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Protocol

from artsim_dataset.app.figures import LARGE, Figure, answer, facts_table, figure_list, note
from artsim_dataset.app.page import cannot, picture_input, told, uploaded
from artsim_dataset.app.search import first_rows
from artsim_dataset.errors import ConfigError
from artsim_dataset.pictures import artist_name, genre_name, title_name
from artsim_dataset.schema import LEVELS, Level, painting_id_of

if TYPE_CHECKING:
    from PIL import Image

    from artsim_dataset.app.data import Rows, Shown

MOST_CHARACTERS = 2000
"""Of a prompt that a visitor writes: 75 words are about 450."""
NOT_READ = (
    "The generator here is lite: it repaints your picture in the style of another painting and does not read the "
    "prompt. The prompt is written, shortened and recorded as in every build; a generator that reads it needs a GPU: "
    "artsim build --preset fast"
)
Progress = Callable[[str, int, int], None]


class Lenders(Protocol):
    """Paintings that a variant can take its style from: their ids, and the pixels of one without its bars."""

    @property
    def ids(self) -> Sequence[str]: ...

    def content(self, painting_id: str) -> Image.Image: ...


class Made(Protocol):
    """A variant with its picture, as `builder.single.SingleVariant` has it."""

    @property
    def original(self) -> Image.Image: ...
    @property
    def variant(self) -> Image.Image: ...
    @property
    def style(self) -> Image.Image: ...
    @property
    def style_of(self) -> str: ...
    @property
    def files(self) -> Mapping[str, bytes]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


class Maker(Protocol):
    """Makes variants of single pictures, given as files; see `builder.single.SingleVariants`."""

    def prompt(self, picture: bytes, level: Level, seed: int) -> str: ...

    def make(
        self, picture: bytes, level: Level, seed: int, prompt: str | None = None, progress: Progress | None = None
    ) -> Made: ...


class PaintingLenders:
    """The paintings of a data set lend their style."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @cached_property
    def _row(self) -> dict[str, int]:
        return {painting_id_of(self._rows.ids[row]): int(row) for row in first_rows(self._rows)}

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all paintings, in the order of the rows."""
        return list(self._row)

    def content(self, painting_id: str) -> Image.Image:
        """The painting without its bars. ConfigError when the originals were not published."""
        return self._rows.picture(self._row[painting_id], "original")


def lenders(shown: Shown) -> PaintingLenders | None:
    """The paintings of the data set; None without one, or when its paintings were not published."""
    if shown.dataset is None:
        return None
    try:
        shown.rows.image_bytes(0, "original")
    except ConfigError:
        return None
    return PaintingLenders(shown.rows)


def own_prompt(text: str, written: str) -> str | None:
    """What a visitor wrote, or None when it is nothing or what the grammar ``written`` had.

    >>> own_prompt("in the rain", "at noon"), own_prompt(" at noon ", "at noon"), own_prompt("", "at noon")
    ('in the rain', None, None)
    """
    text = (text or "").strip()
    return text if text and text != written.strip() else None


def checked_seed(seed: float | None) -> int:
    """A seed from a field that a visitor may have emptied. ConfigError for anything but a whole number from 0 on."""
    if seed is None or seed != int(seed) or not 0 <= seed < 2**53:
        raise ConfigError("the seed is a whole number, 0 or more")
    return int(seed)


def source(made: Made) -> str:
    """Whose style it is, as a person says it, from the id ``{genre}/{artist}_{title}`` of a painting."""
    genre, _, name = made.style_of.partition("/")
    artist, _, title = name.partition("_")
    if artist == "gallery":
        return f"an invented picture, {genre_name(genre)}"
    return f"{title_name(title)} by {artist_name(artist)}, {genre_name(genre)}"


def results(made: Made, similarity: float, model: str) -> str:
    """Original and variant side by side, with what is known of it, as HTML."""
    level = made.facts["level"]
    figures = [
        Figure(made.original, "Your picture", "Your picture"),
        Figure(made.variant, f"The {level} variant of it", f"Variant, {level}", (f"similarity {similarity:.3f}",)),
        Figure(made.style, f"The picture that lent its style: {source(made)}", "In the style of", (source(made),)),
    ]  # fmt: skip
    facts = [
        ("similarity", f"{similarity:.4f} by {model}"),
        ("seed of the variant", str(made.facts["seed"])),
        ("generator", str(made.facts["generator"])),
        ("prompt read by the generator", "yes" if made.facts["provenance"].get("prompt_read", True) else "no"),
        ("prompt, shortened", f"{made.facts['prompt_compressed']} ({made.facts['prompt_tokens']} CLIP tokens)"),
        ("caption of your picture", made.facts["caption"]),
        ("caption of the variant", made.facts["generated_caption"]),
    ]
    told_ = "Your picture, its variant, and the picture that lent its style"
    return (
        answer(f"The variant is made. Similarity to your picture: {similarity:.3f}")
        + figure_list(figures, LARGE, told_)
        + facts_table(facts, "How it was made")
    )


def download(made: Made, folder: Path) -> Path:
    """A ZIP with the variant and where it comes from: the same bytes for the same variant.

    ``variant.png`` is without bars and carries its provenance as a text chunk; ``variant_letterboxed.jpg`` is what a
    build would store; ``provenance.json`` says picture, level, prompt, seed and generator.
    """
    from PIL.PngImagePlugin import PngInfo

    facts = json.dumps(dict(made.facts), indent=2, ensure_ascii=False, sort_keys=True)
    inside = PngInfo()
    inside.add_itxt("artsim", facts)
    png = io.BytesIO()
    made.variant.save(png, "PNG", pnginfo=inside)
    files = {
        "variant.png": png.getvalue(),
        "variant_letterboxed.jpg": made.files["variant"],
        "provenance.json": (facts + "\n").encode(),
    }
    name = str(made.facts["id"]).replace("/", "-")
    path = folder / f"{name}-{made.facts['level']}-{made.facts['seed']}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member, data in files.items():
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), data)
    return path


def tab(shown: Shown) -> None:
    """Makes the components of the tab in the current `gr.Tab`."""
    import gradio as gr

    if shown.maker is None:
        cannot("This page was started without the builder, which makes variants: start it with 'artsim app'")
        return
    maker = shown.maker(lenders(shown))

    @told
    def proposed(path: str | None, level: Level, seed: float | None, text: str, written: str) -> tuple[str, str]:
        """The grammar's prompt, unless the visitor has written another."""
        if path is None or own_prompt(text, written):
            return text, written
        uploaded(path)
        prompt = maker.prompt(Path(path).read_bytes(), level, checked_seed(seed))
        return prompt, prompt

    @told
    def made(
        path: str | None, level: Level, seed: float | None, text: str, written: str, progress: Any = gr.Progress()  # noqa: B008
    ) -> tuple[str, str, str, Any]:  # fmt: skip
        uploaded(path)
        assert path is not None
        own = own_prompt(text, written)

        def watch(stage: str, done: int, total: int) -> None:
            progress((done, total), desc=stage, unit="stages")

        variant = maker.make(Path(path).read_bytes(), level, checked_seed(seed), own, watch)
        vectors = shown.encode([variant.original, variant.variant])
        file = download(variant, Path(mkdtemp(dir=gr.utils.get_upload_folder())))
        prompt = str(variant.facts["prompt_complete"])
        html = results(variant, float(vectors[0] @ vectors[1]), shown.name)
        return html, prompt, written if own else prompt, gr.DownloadButton(value=str(file), visible=True)

    written = gr.State("")
    with gr.Row(elem_classes="ask"):
        with gr.Column(scale=1, min_width=280):
            picture = picture_input("Picture to make a variant of")
            level = gr.Radio(list(LEVELS), value="moderate", label="Level",
                             info="moderate keeps half of the picture's own style, radical nothing of it")  # fmt: skip
            seed = gr.Number(42, label="Seed", precision=0, minimum=0,
                             info="the same picture, level and seed give the same variant")  # fmt: skip
            prompt = gr.Textbox(label="Prompt", lines=5, max_length=MOST_CHARACTERS,
                                placeholder="The grammar writes one when there is a picture")  # fmt: skip
            go = gr.Button("Make a variant", variant="primary")
            gr.HTML(note(NOT_READ))
        with gr.Column(scale=3, min_width=280):
            found = gr.HTML(_HELP, elem_id="make-results", elem_classes="answers")
            save = gr.DownloadButton("Download the variant with its provenance (ZIP)", visible=False)
    asked = [picture, level, seed, prompt, written]
    gr.on([picture.change, level.change, seed.change], proposed, asked, [prompt, written], show_progress="hidden",
          trigger_mode="always_last")  # fmt: skip
    go.click(made, asked, [found, prompt, written, save])


_HELP = """<p>Makes an AI variant of your picture through the stages of a real build: letterbox, caption, prompt,
compression, generation, a caption of the variant. It takes a few seconds on a CPU. The style is lent by another
painting, which the seed chooses.</p><p>Your picture stays on the machine that serves this page.</p>"""
