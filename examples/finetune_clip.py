"""Fine-tune CLIP on variants and their captions with the Trainer of transformers: which caption is of which picture?

    python examples/finetune_clip.py user/artsim --model openai/clip-vit-base-patch32 --out my-clip

CLIP's own loss: in a batch of n pictures and n captions, each finds its own. The pictures are those of `triplets`,
256 px and without bars. Captions of the preset `lite` are measured colours, light and composition: good for a first
run, and no substitute for captions that name what is seen.
"""

from __future__ import annotations

import argparse
from typing import Any

from datasets import load_dataset
from transformers import AutoProcessor, CLIPModel, Trainer, TrainingArguments


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="Hub id, or a folder that 'artsim build' made")
    parser.add_argument("--model", default="openai/clip-vit-base-patch32")
    parser.add_argument("--out", default="finetuned-clip")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=5e-6)
    options = parser.parse_args()

    rows = load_dataset(options.dataset, "triplets").select_columns(["positive", "positive_caption"])
    model = CLIPModel.from_pretrained(options.model)
    processor = AutoProcessor.from_pretrained(options.model)

    def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
        inputs = processor(
            images=[row["positive"] for row in batch],
            text=[row["positive_caption"] for row in batch],
            padding=True,
            truncation=True,  # CLIP reads 77 tokens
            return_tensors="pt",
        )
        return {**inputs, "return_loss": True}

    arguments = TrainingArguments(
        output_dir=options.out,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        learning_rate=options.learning_rate,
        remove_unused_columns=False,  # the collator needs the columns, the model never sees them
        logging_steps=10,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    trainer = Trainer(
        model,
        arguments,
        train_dataset=rows["train"],
        eval_dataset=rows["test"],
        data_collator=collate,
    )
    trainer.can_return_loss = True  # "return_loss" is made by the collator
    before = trainer.evaluate()["eval_loss"]
    result = trainer.train()
    after = trainer.evaluate()["eval_loss"]
    trainer.save_model(options.out)
    processor.save_pretrained(options.out)
    print(f"loss {result.training_loss:.4f}; loss on the test split: {before:.4f} -> {after:.4f}")


if __name__ == "__main__":
    main()
