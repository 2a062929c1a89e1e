"""Tries to carry a patient's row out in the report. The room's gate must refuse it."""

from __future__ import annotations

import csv
import io
import sys

import EnclaveSDK
from EnclaveSDK.exceptions import ApiException


def main() -> None:
    """Posts a report that meets the criteria but for one more member: a row of the data."""
    with EnclaveSDK.ApiClient(EnclaveSDK.Configuration()) as client:
        data = EnclaveSDK.DataApi(client)
        names = [file.name for file in data.api_v1_data_files_get().files if file.name.endswith(".csv")]
        table = bytes(data.api_v1_data_file_get(names[0])).decode("utf-8")
        row = next(csv.DictReader(io.StringIO(table)))
        metric = {"value": 0.9, "CI": [0.8, 1.0], "n": 100}
        stolen = {"accuracy": metric, "sensitivity": metric, "specificity": metric, "row": row}
        report = EnclaveSDK.Report(
            json_data={"report": stolen}, name="Breast cancer classifier, validation", status="Completed"
        )
        try:
            EnclaveSDK.ReportApi(client).api_v1_report_post(report)
        except ApiException as error:
            print(f"The report was refused with status {error.status}.", file=sys.stderr)
            raise SystemExit(1) from error


if __name__ == "__main__":
    main()
