"""The page that holds the tabs: its frame and theme, the server, and messages instead of stack traces.

Nothing of it comes from the network, neither fonts nor scripts, and nothing is sent there: Gradio's usage reports are
off. It is served on this machine only, unless the caller names another host.
"""

from __future__ import annotations

import functools
import html
import json
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from artsim_dataset.errors import ArtsimError, ConfigError, MissingExtra
from artsim_dataset.images import open_image

if TYPE_CHECKING:
    import gradio as gr
    from PIL import Image

    from artsim_dataset.app.data import Shown

P = ParamSpec("P")
R = TypeVar("R")

TABS: tuple[tuple[str, str], ...] = (
    ("Browse", "browse"),
    ("Compare", "compare"),
    ("Search", "search"),
    ("Attribute", "attribute"),
    ("Detect", "detect"),
    ("Make a variant", "make"),
)
"""Title and module of each tab, in order."""

UPLOAD_LIMIT = "100mb"
PIXEL_LIMIT = 100_000_000
TOASTS = """() => new MutationObserver(() => {
  for (const header of document.querySelectorAll(".toast-header[role]")) {
    header.removeAttribute("role");
    header.removeAttribute("tabindex");
    header.parentElement.setAttribute("role", "alert");
  }
}).observe(document.body, { childList: true, subtree: true })"""
"""Gradio's messages have a button inside a button, which WCAG 2.2 forbids (4.1.2); their closing button is enough."""
STYLE = Path(__file__).parents[1] / "templates" / "app.css"
HOST, PORTS = "127.0.0.1", range(7860, 7960)

log = logging.getLogger(__name__)


def page(shown: Shown) -> gr.Blocks:
    """The page, not yet served. MissingExtra without gradio."""
    if find_spec("gradio") is None:
        raise MissingExtra("artsim app", "app")
    import gradio as gr

    with gr.Blocks(title="artsim", analytics_enabled=False, delete_cache=(3600, 3600)) as blocks:
        gr.HTML(_heading(shown), elem_id="heading")
        with gr.Tabs(elem_id="tabs"):
            for title, module in TABS:
                with gr.Tab(title, id=module):
                    import_module(f"artsim_dataset.app.{module}").tab(shown)
    return blocks


def serve(shown: Shown, ready: Callable[[str], None], port: int | None = None, host: str | None = None) -> None:
    """Serves the page until Ctrl-C.

    Args:
        shown: what it shows.
        ready: told the address once it answers.
        port: 0 for any free one; the first free one from 7860 when None.
        host: whom to serve, this machine alone when None.

    Raises:
        ConfigError: the port is taken.
        MissingExtra: gradio is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Gradio asks itself whether it answers; a proxy for the world outside must not be asked for this machine.
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (HOST, "localhost", os.environ.get(name))))
    port = _free_port(port)
    with tempfile.TemporaryDirectory(prefix="artsim-app-") as uploads:
        os.environ["GRADIO_TEMP_DIR"] = uploads
        blocks = page(shown)
        try:
            _, address, _ = blocks.launch(server_name=host or HOST, server_port=port, **launch_options())
            ready(address)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            blocks.close(verbose=False)


def launch_options() -> dict[str, Any]:
    """What the page wants of ``Blocks.launch``: its looks, and nothing that talks to the network."""
    return {
        "theme": _theme(),
        "css_paths": STYLE,
        "js": TOASTS,
        "footer_links": [],
        "share": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": UPLOAD_LIMIT,
        "prevent_thread_lock": True,
        "quiet": True,
    }


def told(answer: Callable[P, R]) -> Callable[P, R]:
    """Makes an event handler tell errors to the visitor, in a sentence; the unexpected ones also go to the log."""

    @functools.wraps(answer)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        import gradio as gr

        try:
            return answer(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            # The message is shown as HTML, and may quote a file name. It stays until it is closed: who reads slowly, or
            # hears the page, must not lose it (WCAG 2.2.1).
            text = html.escape(sentence(error))
            raise gr.Error(text, duration=None, print_exception=False) from error

    return wrapped


def sentence(error: Exception) -> str:
    """What a visitor is told of an error. The text of one that nobody expected is for the log alone."""
    if isinstance(error, ArtsimError):
        return str(error)[:1].upper() + str(error)[1:]
    log.error("the page could not answer", exc_info=error)
    return f"This did not work ({type(error).__name__}); the log of 'artsim app' says more."


def uploaded(path: str | None, what: str = "picture") -> Image.Image:
    """The picture that a visitor gave, upright, RGB. ``what`` names it in messages.

    Raises:
        ConfigError: none was given, or the file is no picture, truncated, or has more than 100 megapixels. The
            sentence names the file, not where the server keeps it.
    """
    if path is None:
        raise ConfigError(f"choose a {what} first: upload one, paste one, or take one from the data set")
    if not Path(path).is_file():
        raise ConfigError(f"the {what} is no longer here, uploads are kept for an hour; give it again")
    try:
        return open_image(path, PIXEL_LIMIT)
    except ConfigError as error:
        raise ConfigError("the file " + str(error).replace(path, Path(path).name)) from error


def picture_input(label: str, **options: Any) -> gr.Image:
    """Where a visitor gives a picture: by upload, drop or paste. Its value is the path of the file as it came, or None.

    Gradio's own component decodes the file before the handler runs, and its error is no sentence; here the file is left
    to :func:`uploaded`.
    """
    import gradio as gr

    picture = gr.Image(
        label=label, type="filepath", format="png", sources=["upload", "clipboard"], buttons=[], **options
    )
    # A subclass would be cleaner, but for each one Gradio writes a stub file beside the module that defines it.
    picture.preprocess = _path_of  # type: ignore[method-assign, assignment]
    return picture


def forget_answer(picture: gr.Image, answer: gr.HTML, before: str) -> None:
    """Lets ``answer`` show ``before`` again when the visitor gives another picture, or takes it away.

    The browser does it by itself: told by the server, it might come after the answer on the new picture.
    """
    import gradio as gr

    gr.on([picture.input, picture.clear], None, None, answer, js=f"() => {json.dumps(before)}")


def cannot(sentence: str) -> None:
    """Says in place of a tab's components what is missing and how to start the app with it."""
    import gradio as gr

    gr.HTML(f'<p class="note" role="note">{html.escape(sentence)}</p>')


def _path_of(given: Any) -> str | None:
    return given.path if given else None


def _heading(shown: Shown) -> str:
    facts = [f"Model: <b>{html.escape(shown.name)}</b>"]
    if shown.dataset:
        facts.insert(0, f"Data set: <b>{html.escape(shown.dataset_name)}</b>")
    return f"<header><h1>artsim</h1><p>{' &middot; '.join(facts)}</p></header>"


def _theme() -> Any:
    import gradio as gr

    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")
    theme = gr.themes.Base(primary_hue="indigo", neutral_hue="stone", radius_size="md", font=fonts, font_mono=mono)
    # Gradio's own greys and its dark indigo are below the contrast of 4.5 that WCAG 2.2 asks of text (1.4.3).
    return theme.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        block_label_text_color="*neutral_700",
        block_title_text_color="*neutral_700",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_400",
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="white",
        background_fill_primary_dark="*neutral_950",
    )


def _free_port(wanted: int | None) -> int:
    """A port that is free now: any for 0, the first one from 7860 for None. ConfigError for one that is taken."""
    for port in PORTS if wanted is None else (wanted,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    taken = f"the ports from {PORTS[0]} to {PORTS[-1]} are" if wanted is None else f"port {wanted} is"
    raise ConfigError(f"{taken} taken; choose another one: --port 0 takes any that is free")
