"""Training on cached embeddings: `siamese` trains a head on a frozen encoder."""
