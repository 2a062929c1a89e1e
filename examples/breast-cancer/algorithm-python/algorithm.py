"""Validates the vendor's model on the steward's data and posts the agreed report.

The report is accuracy, sensitivity and specificity, each with its 95 %
confidence interval (Wilson) and the number of records it rests on.
"""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import EnclaveSDK

MODEL = Path(__file__).parent / "models" / "model.json"
Z = 1.959964  # the normal quantile of a two-sided 95 % interval


def main() -> None:
    """Lists the files, evaluates the model on the table among them, posts the report."""
    model = json.loads(MODEL.read_text(encoding="ascii"))
    with EnclaveSDK.ApiClient(EnclaveSDK.Configuration()) as client:
        data = EnclaveSDK.DataApi(client)
        names = [file.name for file in data.api_v1_data_files_get().files if file.name.endswith(".csv")]
        if len(names) != 1:
            raise SystemExit(f"Expected one CSV file in the dataset, found {len(names)}.")
        table = bytes(data.api_v1_data_file_get(names[0])).decode("utf-8")
        report = EnclaveSDK.Report(
            json_data={"report": evaluate(model, table)},
            name="Breast cancer classifier, validation",
            status="Completed",
        )
        EnclaveSDK.ReportApi(client).api_v1_report_post(report)


def evaluate(model: dict[str, Any], table: str) -> dict[str, Any]:
    """The three metrics of the model on a CSV table with a ``diagnosis`` column."""
    right = {True: 0, False: 0}
    total = {True: 0, False: 0}
    for row in csv.DictReader(io.StringIO(table)):
        if row["diagnosis"] not in ("malignant", "benign"):
            raise SystemExit("The diagnosis column holds a word other than malignant and benign.")
        positive = row["diagnosis"] == model["positive"]
        total[positive] += 1
        right[positive] += predict(model, row) == positive
    return {
        "accuracy": metric(right[True] + right[False], total[True] + total[False]),
        "sensitivity": metric(right[True], total[True]),
        "specificity": metric(right[False], total[False]),
    }


def predict(model: dict[str, Any], row: dict[str, str]) -> bool:
    """Whether the model takes this record for malignant."""
    score = model["intercept"]
    for feature in model["features"]:
        value = float(row[feature["name"]])
        score += feature["weight"] * (value - feature["mean"]) / feature["deviation"]
    return 1 / (1 + math.exp(-score)) >= model["threshold"]


def metric(right: int, count: int) -> dict[str, Any]:
    """A share with its Wilson interval, to four digits."""
    if count == 0:
        raise SystemExit("The dataset lacks malignant or benign records; there is nothing to measure.")
    share = right / count
    scale = 1 + Z * Z / count
    centre = (share + Z * Z / (2 * count)) / scale
    half = Z * math.sqrt(share * (1 - share) / count + Z * Z / (4 * count * count)) / scale
    interval = [four_digits(max(0.0, centre - half)), four_digits(min(1.0, centre + half))]
    return {"value": four_digits(share), "CI": interval, "n": count}


def four_digits(value: float) -> float:
    """Rounded half up, which JavaScript's twin does too (``round`` rounds half to even)."""
    return math.floor(value * 10000 + 0.5) / 10000


if __name__ == "__main__":
    main()
