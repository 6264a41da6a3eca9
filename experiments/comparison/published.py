"""The figures of the paper's tables, in percent; measured on FaceForensics++ and DeepfakeTIMIT.

The paper calls all of them AUC. Those of Xception, MesoNet and Bayar-Stamm in Table I equal accuracies that others
published; Xception's AUC at c40 is 86.8 to 89.3 in the literature.
"""

TOTAL = "total"

TABLE_1: dict[str, dict[str, float]] = {  # method -> quality
    "artifacts_nn": {"lq": 97.6, "hq": 86.9},
    "meso4": {"lq": 87.8, "hq": 68.4, "raw": 95.2, "c23": 83.1, "c40": 70.5, TOTAL: 83.6},
    "xception": {"lq": 88.2, "hq": 74.2, "raw": 99.3, "c23": 95.7, "c40": 81.0, TOTAL: 93.1},
    "bayar": {"raw": 98.7, "c23": 83.0, "c40": 66.8, TOTAL: 87.8},
    "multitask": {"lq": 62.2, "hq": 55.3},
    "tfafsr-gap": {"lq": 92.1, "hq": 80.6, "raw": 98.2, "c23": 91.2, "c40": 86.8, TOTAL: 92.1},
    "tfafsr-gmp": {"lq": 93.2, "hq": 81.0, "raw": 98.3, "c23": 94.0, "c40": 89.8, TOTAL: 94.0},
    "tfafsr": {"lq": 99.2, "hq": 88.3, "raw": 99.6, "c23": 97.6, "c40": 91.4, TOTAL: 97.0},
}

TABLE_2: dict[str, dict[str, float]] = {  # method -> manipulation
    "meso4": {"Deepfakes": 90.0, "Face2Face": 83.2, "FaceSwap": 83.0, "NeuralTextures": 75.0},
    "xception": {"Deepfakes": 94.0, "Face2Face": 91.0, "FaceSwap": 93.0, "NeuralTextures": 81.0},
    "rnn_cnn": {"Deepfakes": 96.9, "Face2Face": 94.3, "FaceSwap": 96.3},
    "tfafsr": {"Deepfakes": 94.2, "Face2Face": 95.2, "FaceSwap": 95.3, "NeuralTextures": 85.3},
}

TABLE_3: dict[str, dict[str, float]] = {  # trained at -> tested at
    "raw": {"raw": 99.64, "c23": 68.34, "c40": 63.41},
    "c23": {"raw": 98.14, "c23": 97.56, "c40": 70.32},
    "c40": {"raw": 97.24, "c23": 94.10, "c40": 91.36},
}
