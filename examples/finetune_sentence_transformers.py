"""Fine-tune an image encoder of sentence-transformers on `triplets`, and measure it on the test split.

    python examples/finetune_sentence_transformers.py user/artsim --model sentence-transformers/clip-ViT-B-32

All weights are trained, so a GPU is needed for a model of that size; `artsim train siamese` trains a head on cached
embeddings instead, on a CPU. MultipleNegativesRankingLoss takes all other rows of a batch as negatives too, so none of
them may show the same painting: the sampler sees to that. It cannot know which are by the same artist, as artsim does.
"""

from __future__ import annotations

import argparse

from datasets import load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.training_args import BatchSamplers

COLUMNS = ["anchor", "positive", "negative"]  # the loss goes by their order; any other column would be an input


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", help="Hub id, or a folder that 'artsim build' made")
    parser.add_argument("--model", default="sentence-transformers/clip-ViT-B-32")
    parser.add_argument("--out", default="finetuned-encoder")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-5)
    options = parser.parse_args()

    triplets = load_dataset(options.dataset, "triplets")
    train = triplets["train"].select_columns(COLUMNS)
    test = triplets["test"].select(range(min(1000, len(triplets["test"]))))  # decoded and held in memory
    evaluator = TripletEvaluator(*(test[column][:] for column in COLUMNS), name="test", write_csv=False)

    model = SentenceTransformer(options.model)
    before = evaluator(model)["test_cosine_accuracy"]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=options.out,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        batch_sampler=BatchSamplers.NO_DUPLICATES_HASHED,
        logging_steps=10,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    trainer = SentenceTransformerTrainer(
        model, arguments, train_dataset=train, loss=MultipleNegativesRankingLoss(model)
    )
    result = trainer.train()
    after = evaluator(model)["test_cosine_accuracy"]
    model.save_pretrained(options.out)
    print(f"loss {result.training_loss:.4f}; triplet accuracy on {len(test)} test rows: {before:.4f} -> {after:.4f}")


if __name__ == "__main__":
    main()
