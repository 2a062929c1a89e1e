"""Fits the vendor's scikit-learn model.

    python3 train.py training.csv model.joblib

Reads the vendor's table and nothing else. The model is a pickle: whoever loads
it runs what its maker put in. Here the maker is the owner of the package that
loads it, and the package brings the very versions that wrote it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main(source: Path, target: Path) -> None:
    """Trains on all records of ``source`` and writes ``target``."""
    with source.open(encoding="ascii", newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name not in ("record", "diagnosis")]
    values = np.array([[float(row[name]) for name in features] for row in rows])
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    pipeline.fit(values, [row["diagnosis"] for row in rows])
    target.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump({"pipeline": pipeline, "features": features}, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
