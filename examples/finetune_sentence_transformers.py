"""Fine-tune an image encoder of sentence-transformers on `triplets`, and measure it on the test split.

    python examples/finetune_sentence_transformers.py user/artsim --model sentence-transformers/clip-ViT-B-32

All weights are trained, so a GPU is needed for a model of that size; `artsim train siamese` trains a head on cached
embeddings instead, on a CPU. MultipleNegativesRankingLoss takes the other rows of a batch as negatives too. It cannot
know that two of them are by one artist; what it must not see is a painting twice, hence one row for each anchor.
"""

from __future__ import annotations

import argparse

from datasets import Dataset, load_dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerModelCardData,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

COLUMNS = ["anchor", "positive", "negative"]  # the loss goes by their order; any other column would be an input


def one_row_an_anchor(rows: Dataset) -> Dataset:
    first: dict[str, int] = {}
    for place, anchor in enumerate(rows["anchor_id"]):
        first.setdefault(anchor, place)
    return rows.select(sorted(first.values()))


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
    train = one_row_an_anchor(triplets["train"]).select_columns(COLUMNS)
    test = triplets["test"].select(range(min(1000, len(triplets["test"]))))  # decoded and held in memory
    evaluator = TripletEvaluator(*(test[column][:] for column in COLUMNS), name="test", write_csv=False)

    # The model card's examples are texts; release 6.2 fails looking for them where all columns are images.
    card = SentenceTransformerModelCardData(generate_widget_examples=False)
    model = SentenceTransformer(options.model, model_card_data=card)
    before = evaluator(model)["test_cosine_accuracy"]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=options.out,
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
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
