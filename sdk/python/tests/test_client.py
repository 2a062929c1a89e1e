"""Calls against an HTTPS server: certificates, files, ranges, reports, errors."""

from __future__ import annotations

import os
import unittest
from unittest import mock

import EnclaveSDK
from EnclaveSDK.exceptions import BadRequestException, ConflictException, NotFoundException
from EnclaveSDK.rest import ApiException
from tests.enclave_server import CA_FILE, EnclaveServer

CONTENT = bytes(range(256)) * 10


class WithServer(unittest.TestCase):
    def setUp(self) -> None:
        self.server = EnclaveServer({"data/a.bin": CONTENT, "empty": b"", "ü ber&.csv": b"x"})
        self.server.__enter__()
        self.addCleanup(self.server.stop)

    def client(self, **settings: object) -> EnclaveSDK.ApiClient:
        return EnclaveSDK.ApiClient(
            EnclaveSDK.Configuration(self.server.url, **{"ssl_ca_cert": CA_FILE, **settings})
        )


class Certificates(WithServer):
    def test_trusts_the_file_that_the_environment_names(self) -> None:
        with mock.patch.dict(os.environ, {"ENCLAVE_CA_FILE": CA_FILE, "ENCLAVE_URL": self.server.url}):
            with EnclaveSDK.ApiClient(EnclaveSDK.Configuration()) as client:
                self.assertEqual(EnclaveSDK.DataApi(client).api_v1_data_files_get().total_files, 3)

    def test_refuses_a_certificate_it_does_not_know(self) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("ENCLAVE_CA_FILE", None)
            client = EnclaveSDK.ApiClient(EnclaveSDK.Configuration(self.server.url))
        with self.assertRaises(ApiException) as caught:
            EnclaveSDK.DataApi(client).api_v1_data_files_get()
        self.assertEqual(caught.exception.status, 0)
        self.assertIn("CERTIFICATE_VERIFY_FAILED", caught.exception.reason)
        self.assertEqual(self.server.asked, [])

    def test_takes_any_certificate_when_told_so_even_later(self) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("ENCLAVE_CA_FILE", None)
            configuration = EnclaveSDK.Configuration(self.server.url)
        configuration.verify_ssl = False
        self.assertEqual(
            EnclaveSDK.DataApi(EnclaveSDK.ApiClient(configuration)).api_v1_data_files_get().total_files, 3
        )

    def test_names_a_ca_file_that_is_missing(self) -> None:
        with self.assertRaises(EnclaveSDK.ApiValueError) as caught:
            EnclaveSDK.DataApi(self.client(ssl_ca_cert=CA_FILE + ".none")).api_v1_data_files_get()
        self.assertIn("ENCLAVE_CA_FILE", str(caught.exception))

    def test_takes_its_host_from_the_environment_or_the_manual(self) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("ENCLAVE_URL", None)
            self.assertEqual(EnclaveSDK.Configuration().host, "https://localhost:5000")
            os.environ["ENCLAVE_URL"] = "https://example.test/"
            self.assertEqual(EnclaveSDK.Configuration().host, "https://example.test")
            self.assertEqual(EnclaveSDK.Configuration("https://other.test").host, "https://other.test")

    def test_accepts_settings_of_other_generators_and_refuses_invented_ones(self) -> None:
        self.assertEqual(
            EnclaveSDK.Configuration("https://a.test", retries=3, username="u").host, "https://a.test"
        )
        with self.assertRaises(EnclaveSDK.ApiTypeError):
            EnclaveSDK.Configuration(colour="red")


class Data(WithServer):
    def test_lists_and_downloads_files(self) -> None:
        api = EnclaveSDK.DataApi(self.client())
        names = [file.name for file in api.api_v1_data_files_get().files]
        self.assertEqual(names, ["data/a.bin", "empty", "ü ber&.csv"])
        content = api.api_v1_data_file_get(names[0])
        self.assertIsInstance(content, bytearray)
        self.assertEqual(content, CONTENT)
        self.assertEqual(api.api_v1_data_file_get(filepath=names[2]), b"x")

    def test_accepts_storage_parameters_without_sending_them(self) -> None:
        api = EnclaveSDK.DataApi(self.client())
        api.api_v1_data_files_get(sas_url="secret", s3_access_key_id="secret")
        api.api_v1_data_file_get("empty", sas_url="secret", s3_bucket_name="b", s3_prefix="p", s3_region="r")
        self.assertEqual([asked.query for asked in self.server.asked], [{}, {"filepath": ["empty"]}])
        with self.assertRaises(EnclaveSDK.ApiTypeError):
            api.api_v1_data_files_get(colour="red")

    def test_reads_a_file_in_pieces(self) -> None:
        api = EnclaveSDK.DataApi(self.client())
        for size in (1000, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 1):
            pieces = list(api.iter_file("data/a.bin", size))
            self.assertEqual(b"".join(pieces), CONTENT)
            self.assertTrue(all(len(piece) <= size for piece in pieces))
        self.assertEqual(list(api.iter_file("empty")), [])
        with self.assertRaises(NotFoundException):
            list(api.iter_file("none"))

    def test_reads_in_pieces_from_a_server_without_ranges(self) -> None:
        self.server.ranges = False
        self.assertEqual(list(EnclaveSDK.DataApi(self.client()).iter_file("data/a.bin", 7)), [CONTENT])

    def test_says_what_the_api_answered(self) -> None:
        api = EnclaveSDK.DataApi(self.client())
        with self.assertRaises(NotFoundException) as caught:
            api.api_v1_data_file_get("none")
        error = caught.exception
        self.assertIsInstance(error, EnclaveSDK.OpenApiException)
        self.assertEqual((error.status, error.reason), (404, "Not Found"))
        self.assertEqual(error.data, {"message": "File not found"})
        self.assertIn("File not found", error.body)
        self.assertEqual(error.headers["content-type"], "application/json")
        self.assertIn("(404)", str(error))
        with self.assertRaises(BadRequestException):
            api.api_v1_data_files_get(page=0, limit=5)
        self.assertEqual(self.server.asked[-1].query, {"page": ["0"], "limit": ["5"]})

    def test_gives_status_and_headers_when_asked(self) -> None:
        answer = EnclaveSDK.DataApi(self.client()).api_v1_data_files_get_with_http_info()
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(answer.data.total_files, 3)

    def test_sends_a_bearer_token_and_default_headers(self) -> None:
        client = self.client(access_token="t0ken")
        client.set_default_header("X-Test", "1")
        EnclaveSDK.DataApi(client).api_v1_data_files_get()
        self.assertEqual(self.server.asked[0].headers["Authorization"], "Bearer t0ken")
        self.assertEqual(self.server.asked[0].headers["X-Test"], "1")

    def test_follows_no_redirect(self) -> None:
        with self.assertRaises(ApiException) as caught:
            self.client().call("GET", "/moved")
        self.assertEqual(caught.exception.status, 302)
        self.assertEqual(len(self.server.asked), 1)

    def test_says_when_nobody_answers(self) -> None:
        client = self.client()
        self.server.stop()
        with self.assertRaises(ApiException) as caught:
            EnclaveSDK.DataApi(client).api_v1_data_files_get(_request_timeout=(5, 5))
        self.assertEqual(caught.exception.status, 0)


class Reports(WithServer):
    REPORT = {"json_data": {"report": "Performance Report"}, "name": "n", "status": "Completed"}

    def test_validates_then_posts_a_report_and_a_second_one_is_too_late(self) -> None:
        api = EnclaveSDK.ReportApi(self.client())
        report = EnclaveSDK.Report.from_dict(self.REPORT)
        self.assertEqual(api.api_v1_validate_post(report).status, "successful")
        self.assertIsNone(self.server.final_report)
        self.assertEqual(api.api_v1_report_post(report=report).message, "Report posted successfully")
        self.assertEqual(self.server.final_report, {"report": "Performance Report"})
        self.assertEqual(self.server.asked[-1].body, self.REPORT)
        with self.assertRaises(ConflictException):
            api.api_v1_report_post(self.REPORT)

    def test_raises_when_a_report_is_refused(self) -> None:
        refused = {**self.REPORT, "json_data": {"row": [1, 2, 3]}}
        with self.assertRaises(BadRequestException) as caught:
            EnclaveSDK.ReportApi(self.client()).api_v1_report_post(refused)
        self.assertEqual(caught.exception.data["message"], {"row": ["unknown field"]})
        self.assertIsNone(self.server.final_report)

    def test_sends_no_number_that_json_lacks(self) -> None:
        with self.assertRaises(EnclaveSDK.ApiValueError):
            EnclaveSDK.ReportApi(self.client()).api_v1_report_post(
                {**self.REPORT, "json_data": {"accuracy": float("nan")}}
            )
        self.assertEqual(self.server.asked, [])

    def test_posts_a_log_line(self) -> None:
        api = EnclaveSDK.LogApi(self.client())
        api.api_v1_log_post(log_data=EnclaveSDK.LogData(message="half way", status="In Progress"))
        self.assertEqual(self.server.asked[0].path, "/api/v1/log")
        self.assertEqual(self.server.asked[0].body, {"message": "half way", "status": "In Progress"})


if __name__ == "__main__":
    unittest.main()
