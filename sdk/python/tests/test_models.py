"""Models: keywords, wire names, unknown members, refusals."""

from __future__ import annotations

import copy
import json
import unittest

import EnclaveSDK
from EnclaveSDK.models.file import File


class Models(unittest.TestCase):
    def test_reads_wire_names_and_gives_both_names(self) -> None:
        files = EnclaveSDK.Files.from_dict(
            {
                "files": [{"id": "1", "name": "a.csv", "size": 3, "uploadDate": "2026-01-02T03:04:05Z"}],
                "totalFiles": 1,
            }
        )
        self.assertEqual(files.total_files, 1)
        self.assertEqual(files.totalFiles, 1)
        self.assertIsInstance(files.files[0], File)
        self.assertEqual(files.files[0].upload_date, "2026-01-02T03:04:05Z")
        self.assertEqual(files.files[0].uploadDate, "2026-01-02T03:04:05Z")

    def test_goes_to_a_dict_and_to_json_and_back(self) -> None:
        report = EnclaveSDK.Report(json_data={"report": 1.5}, name="n", status="Completed")
        self.assertEqual(report.to_dict(), {"json_data": {"report": 1.5}, "name": "n", "status": "Completed"})
        self.assertEqual(EnclaveSDK.Report.from_json(report.to_json()), report)
        self.assertEqual(copy.deepcopy(report), report)
        self.assertIn("Completed", report.to_str())

    def test_is_made_with_either_name_but_not_both(self) -> None:
        self.assertEqual(File(upload_date="x"), File(uploadDate="x"))
        with self.assertRaises(EnclaveSDK.ApiValueError):
            File(upload_date="x", uploadDate="x")

    def test_keeps_unknown_members_and_sends_them_again(self) -> None:
        file = File.from_dict({"name": "a", "checksum": "c"})
        self.assertEqual(file.checksum, "c")
        self.assertEqual(file.additional_properties, {"checksum": "c"})
        self.assertEqual(file.to_dict(), {"name": "a", "checksum": "c"})

    def test_keeps_a_free_schema(self) -> None:
        schema = EnclaveSDK.ReportJsonSchema.from_dict({"report": {"type": "string"}})
        report = EnclaveSDK.Report.from_dict(
            {
                "json_data": {},
                "name": "n",
                "status": "Completed",
                "json_schema": {"report": {"type": "string"}},
            }
        )
        self.assertEqual(report.json_schema, schema)
        self.assertEqual(json.loads(report.to_json())["json_schema"], {"report": {"type": "string"}})

    def test_refuses_a_missing_or_ill_typed_field(self) -> None:
        for make in (
            lambda: EnclaveSDK.Report(name="n", status="Completed"),
            lambda: EnclaveSDK.LogData(),
            lambda: EnclaveSDK.LogData(message=3),
            lambda: File(size=True),
        ):
            with self.assertRaises(EnclaveSDK.ApiValueError):
                make()

    def test_refuses_to_read_or_set_a_field_that_is_not_there(self) -> None:
        file = File(name="a")
        with self.assertRaises(EnclaveSDK.ApiAttributeError):
            file.colour  # noqa: B018
        with self.assertRaises(EnclaveSDK.ApiAttributeError):
            file.colour = "red"

    def test_leaves_none_as_none_and_refuses_what_is_no_dict(self) -> None:
        self.assertIsNone(EnclaveSDK.Report.from_dict(None))
        with self.assertRaises(EnclaveSDK.ApiTypeError):
            EnclaveSDK.Report.from_dict([1])  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
