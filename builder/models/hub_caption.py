"""Captions by BLIP-2, as S1 made them: no question, the likeliest word each time.

What users of BLIP-2 report is met here: empty captions, "a photo of" and nothing more, loops ("ray ban ray ban ray
ban"). Such a caption is asked for once more with repetition punished, then rejected.

The pinned revision is the one before its authors grew the vocabulary by an image token, which broke other programs.
Its configuration knows no ``image_token_index``, and transformers 5 needs one. It only marks the places where the
picture's features are put in, so any token but the begin mark serves: the prompt is built here, not by the processor.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from builder.model_config import Blip2Caption
from builder.models import Captioner, Pixels
from builder.models.cleaning import judge_caption
from builder.models.devices import Batcher, best_device, choose_dtype, free_memory
from builder.models.weights import Weights, loading
from builder.stage import Reject

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_AGAIN: dict[str, Any] = {"repetition_penalty": 1.5, "no_repeat_ngram_size": 3}
"""How a caption that failed is asked for again."""


@contextmanager
def open_blip2(weights: Weights, config: Blip2Caption) -> Iterator[Captioner]:
    """Loads BLIP-2 for as long as the block lasts.

    Raises ConfigError when the weights cannot be had or are no BLIP-2.
    """
    captioner = Blip2Captioner(weights, config)
    try:
        yield captioner
    finally:
        captioner.close()


class Blip2Captioner:
    """Captioner: pictures of any size -> one sentence each. Genres are not looked at."""

    def __init__(self, weights: Weights, config: Blip2Caption) -> None:
        from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForConditionalGeneration
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        self.device = best_device()
        self.dtype = choose_dtype(config.dtype, self.device)
        self.batch = config.batch
        self._max_new_tokens = config.max_new_tokens
        with loading(weights.name):
            # the PIL backend resizes alike with and without torchvision
            self._processor: Any = AutoImageProcessor.from_pretrained(**weights.where(), backend="pil")
            self._tokenizer: Any = AutoTokenizer.from_pretrained(**weights.where())
            model: Any = Blip2ForConditionalGeneration.from_pretrained(**weights.where(), dtype=self.dtype)
        self._model: Any = model.to(self.device).eval()
        self._prompt = self._image_prompt()
        self._batcher = Batcher(config.batch)
        logger.info("%s captions on %s in %s", weights.name, self.device, str(self.dtype).removeprefix("torch."))

    def close(self) -> None:
        """Frees the model: the next stage needs the memory."""
        del self._model
        free_memory()

    def caption(self, images: Sequence[Pixels], genres: Sequence[str]) -> list[str | Reject]:
        """One caption for each picture, at most ``max_new_tokens`` long, or a reject."""
        captions = [judge_caption(text) for text in self._batcher(self._ask, list(images))]
        failed = [place for place, caption in enumerate(captions) if isinstance(caption, Reject)]
        again = self._batcher(lambda batch: self._ask(batch, **_AGAIN), [images[place] for place in failed])
        for place, text in zip(failed, again, strict=True):
            captions[place] = judge_caption(text)
        return captions

    def _ask(self, images: Sequence[Pixels], **options: Any) -> list[str]:
        """What the model says of each picture, as it says it."""
        import torch

        pixels = self._processor(images=list(images), return_tensors="pt", input_data_format="channels_last")
        with torch.inference_mode():
            tokens = self._model.generate(
                pixel_values=pixels["pixel_values"].to(self.device, self.dtype),
                input_ids=self._prompt.expand(len(images), -1),
                max_new_tokens=self._max_new_tokens,
                do_sample=False,
                num_beams=1,
                **self._ends(),
                **options,
            )
        if self._model.config.use_decoder_only_language_model:
            tokens = tokens[:, self._prompt.shape[1] :]  # transformers 5 repeats the prompt
        answers = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [answer.strip().partition("\n")[0] for answer in answers]  # a caption ends with its line

    def _image_prompt(self) -> torch.Tensor:
        """Places for the picture's features, then the begin mark. Also tells the model which token marks the places."""
        import torch

        config = self._model.config
        text = config.text_config
        rows = self._model.get_input_embeddings().weight.shape[0]
        begin = [text.bos_token_id] if text.bos_token_id is not None else []
        if config.image_token_index is None or config.image_token_index >= rows:
            config.image_token_index = next(token for token in range(rows) if token not in begin)
        places = [config.image_token_index] * config.num_query_tokens
        return torch.tensor([places + begin], device=self.device)

    def _ends(self) -> dict[str, Any]:
        """The end and padding marks of the language model: those of the checkpoint (OPT was trained to end a caption
        with a line break) and of its tokenizer."""
        text = self._model.config.text_config
        ends: set[int] = set()
        for found in (text.eos_token_id, self._model.generation_config.eos_token_id, self._tokenizer.eos_token_id):
            ends.update(found if isinstance(found, list) else [] if found is None else [found])
        pads = [pad for pad in (text.pad_token_id, self._tokenizer.pad_token_id, *sorted(ends)) if pad is not None]
        return {"eos_token_id": sorted(ends) or None, "pad_token_id": pads[0] if pads else None}
