"""Fits the vendor's model: logistic regression by gradient descent, standard library only.

    python3 train.py [model.json …]

Trains on ``data/vendor/training.csv`` and nothing else, and writes the model
to the files named (without any, into the packages that use it). No randomness:
the weights start at zero, every step uses all records, sums are exact
(``math.fsum``) and the result is rounded to six digits, so that every machine
gets the same file.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).parent
STEPS = 400
RATE = 0.5
PENALTY = 0.01
DIGITS = 6


def read(path: Path) -> tuple[list[str], list[list[float]], list[int]]:
    """Feature names, their values, and 1 for each malignant record."""
    with path.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("record", "diagnosis")]
    values = [[float(row[name]) for name in names] for row in rows]
    return names, values, [1 if row["diagnosis"] == "malignant" else 0 for row in rows]


def standardise(column: list[float]) -> tuple[float, float, list[float]]:
    """Mean, standard deviation and the column in those terms."""
    mean = math.fsum(column) / len(column)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in column) / len(column))
    return mean, deviation, [(value - mean) / deviation for value in column]


def fit(columns: list[list[float]], labels: list[int]) -> tuple[float, list[float]]:
    """Intercept and weights after STEPS steps down the penalised mean log loss."""
    count = len(labels)
    rows = list(zip(*columns))
    intercept, weights = 0.0, [0.0] * len(columns)
    for _ in range(STEPS):
        errors = []
        for row, label in zip(rows, labels):
            score = intercept + math.fsum(weight * value for weight, value in zip(weights, row))
            errors.append(1 / (1 + math.exp(-score)) - label)
        intercept -= RATE * math.fsum(errors) / count
        weights = [
            weight - RATE * (math.fsum(e * v for e, v in zip(errors, column)) / count + PENALTY * weight)
            for weight, column in zip(weights, columns)
        ]
    return intercept, weights


def main() -> None:
    """Trains and writes the model."""
    targets = [Path(name) for name in sys.argv[1:]] or [
        HERE / package / "models" / "model.json" for package in ("algorithm-python", "algorithm-javascript", "algorithm-r")
    ]
    names, values, labels = read(HERE / "data" / "vendor" / "training.csv")
    scaled = [standardise(list(column)) for column in zip(*values)]
    intercept, weights = fit([column for _, _, column in scaled], labels)
    model = {
        "model": "logistic regression",
        "positive": "malignant",
        "threshold": 0.5,
        "intercept": round(intercept, DIGITS),
        "features": [
            {
                "name": name,
                "mean": round(mean, DIGITS),
                "deviation": round(deviation, DIGITS),
                "weight": round(w, DIGITS),
            }
            for name, (mean, deviation, _), w in zip(names, scaled, weights)
        ],
    }
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(model, indent=2) + "\n", encoding="ascii")
        print(f"{target}: trained on {len(labels)} records")


if __name__ == "__main__":
    main()
