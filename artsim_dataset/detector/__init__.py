"""Telling paintings from AI variants (S4), without the shortcuts that make such detectors look good.

    pipeline    one format for both classes: the same decode, square, detail, size and JPEG
    rows        `real_vs_ai` of one or several data sets, split by source painting
    baseline    what the file formats alone give away: no pixel is looked at
    networks    what is trained: linear or mlp on an encoder's embeddings, a small network (cnn) on pixels
    examples    rows as the inputs of a network
    model       a trained detector on disk and in use: ``load_detector(folder).probability(images)``
    robustness  JPEG, blur, resize, crop
    calibration  one temperature
    scores      accuracy, precision, recall, F1, ROC-AUC, ECE, with intervals over paintings
    evaluate    all of it on a test split, by generator
    card        the README.md of a detector

Training is `artsim_dataset.train.detector`. A detector knows the generators it was trained on: S4's fell from 98.99 %
to 51 % on another one. That is why leave-one-generator-out stands beside every accuracy.
"""
