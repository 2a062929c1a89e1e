"""Validates the vendor's scikit-learn model on the steward's data and posts the agreed report.

The report is accuracy, sensitivity and specificity, each with its 95 %
confidence interval (Wilson) and the number of records it rests on.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import EnclaveSDK
import joblib
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix

MODEL = Path(__file__).parent / "models" / "model.joblib"


def main() -> None:
    """Lists the files, evaluates the model on the table among them, posts the report."""
    model = joblib.load(MODEL)
    with EnclaveSDK.ApiClient(EnclaveSDK.Configuration()) as client:
        data = EnclaveSDK.DataApi(client)
        names = [file.name for file in data.api_v1_data_files_get().files if file.name.endswith(".csv")]
        if len(names) != 1:
            raise SystemExit(f"Expected one CSV file in the dataset, found {len(names)}.")
        table = bytes(data.api_v1_data_file_get(names[0])).decode("utf-8")
        report = EnclaveSDK.Report(
            json_data={"report": evaluate(model, table)},
            name="Breast cancer classifier in scikit-learn, validation",
            status="Completed",
        )
        EnclaveSDK.ReportApi(client).api_v1_report_post(report)


def evaluate(model: dict[str, Any], table: str) -> dict[str, Any]:
    """The three metrics of the model on a CSV table with a ``diagnosis`` column."""
    rows = list(csv.DictReader(io.StringIO(table)))
    values = np.array([[float(row[name]) for name in model["features"]] for row in rows])
    truth = [row["diagnosis"] for row in rows]
    if set(truth) != {"malignant", "benign"}:
        raise SystemExit("The diagnosis column must hold the words malignant and benign, and both of them.")
    found = model["pipeline"].predict(values)
    # Rows: what the record says; columns: what the model says.
    (tn, fp), (fn, tp) = confusion_matrix(truth, found, labels=["benign", "malignant"]).tolist()
    return {
        "accuracy": metric(tp + tn, tp + tn + fp + fn),
        "sensitivity": metric(tp, tp + fn),
        "specificity": metric(tn, tn + fp),
    }


def metric(right: int, count: int) -> dict[str, Any]:
    """A share with its Wilson interval, to four digits."""
    low, high = binomtest(right, count).proportion_ci(0.95, method="wilson")
    return {"value": round(right / count, 4), "CI": [round(low, 4), round(high, 4)], "n": count}


if __name__ == "__main__":
    main()
