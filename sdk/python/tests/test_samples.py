"""The manual's samples run, and the stand-in for requests gives way to the real library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.enclave_server import CA_FILE, EnclaveServer

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples"
FILES = {"test_file.txt": b"some text", "second.csv": b"a,b\n1,2\n"}


def run(
    source: str, server: EnclaveServer, path: tuple[Path, ...] = (ROOT, ROOT / "compat")
) -> subprocess.CompletedProcess[str]:
    """Runs Python source as a program, without this machine's site packages.

    Only the port differs from the manual's, since 5000 may be taken.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ENCLAVE_CA_FILE": CA_FILE,
        "ESCROW_PROJECT_ID": "project-1",
        "ESCROW_RUN_ID": "run-1",
        "ESCROW_RUN_CONFIG_ID": "configuration-1",
    }
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(source.replace("https://localhost:5000", server.url), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-S", str(program)],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )


class ManualSamples(unittest.TestCase):
    def run_sample(
        self, name: str, more: str = "", files: dict | None = None
    ) -> tuple[EnclaveServer, list[str]]:
        source = (SAMPLES / name).read_text(encoding="utf-8")
        self.assertIn("https://localhost:5000", source)
        with EnclaveServer(FILES if files is None else files) as server:
            done = run(source + more, server)
        self.assertEqual(done.returncode, 0, done.stderr)
        return server, done.stdout.splitlines()

    def test_lists_files_with_plain_requests(self) -> None:
        server, lines = self.run_sample("list_files.py", "\nget_file_list()\n")
        self.assertEqual([file["name"] for file in json.loads("\n".join(lines))["files"]], list(FILES))
        self.assertEqual(server.asked[0].path, "/api/v1/data/files")

    def test_downloads_a_file_with_plain_requests(self) -> None:
        _, lines = self.run_sample("download_file.py", "\nprint(file_content)\n")
        self.assertEqual(lines, ["b'some text'"])
        _, lines = self.run_sample("download_file.py", files={})
        self.assertEqual(lines, ["File test_file.txt not found"])

    def test_validates_a_report_with_plain_requests(self) -> None:
        server, lines = self.run_sample("validate_report.py")
        self.assertEqual(lines[0], "Validation was successful")
        self.assertEqual(server.asked[0].path, "/api/v1/validate")
        self.assertEqual(server.asked[0].body["run"], "run-1")
        self.assertIsNone(server.final_report)

    def test_posts_a_report_with_plain_requests(self) -> None:
        server, lines = self.run_sample("post_report.py")
        self.assertEqual(lines[0], "Validation was successful")
        self.assertEqual(server.asked[0].path, "/api/v1/report")
        self.assertEqual(server.asked[0].body["project"], "project-1")
        self.assertEqual(server.asked[0].body["status"], "In Progress")

    def test_runs_the_template_with_the_sdk_and_a_checked_certificate(self) -> None:
        server, _ = self.run_sample("algorithm-package/algo-template.py")
        self.assertEqual(server.final_report, {"report": "Performance Report"})
        self.assertEqual(
            [asked.path for asked in server.asked],
            ["/api/v1/data/files", "/api/v1/data/file", "/api/v1/report"],
        )

    def test_the_sample_entry_point_starts_the_template(self) -> None:
        script = (SAMPLES / "algorithm-package" / "run.sh").read_text(encoding="utf-8")
        self.assertTrue(script.startswith("#!/bin/sh\n"))
        self.assertIn("python3 algo-template.py", script)


class StandIn(unittest.TestCase):
    def test_checks_certificates_unless_told_not_to(self) -> None:
        source = (
            "import requests\n"
            "print(requests.get('https://localhost:5000/api/v1/data/files').ok)\n"
            "import os; os.environ.pop('ENCLAVE_CA_FILE')\n"
            "try:\n    requests.get('https://localhost:5000/api/v1/data/files')\n"
            "except requests.exceptions.SSLError as error:\n    print('refused')\n"
        )
        with EnclaveServer(FILES) as server:
            done = run(source, server)
        self.assertEqual(done.stdout.split(), ["True", "refused"], done.stderr)
        self.assertEqual(len(server.asked), 1)

    def test_has_what_answers_need(self) -> None:
        source = (
            "import requests\n"
            "from requests.exceptions import HTTPError\n"
            "r = requests.get('https://localhost:5000/api/v1/data/file', params={'filepath': 'none'}, verify=False)\n"
            "print(r.status_code, r.ok, r.json()['message'], r.headers['content-type'], r.reason)\n"
            "try:\n    r.raise_for_status()\n"
            "except HTTPError as error:\n    print(error.response.status_code == requests.codes.not_found)\n"
            "r = requests.post('https://localhost:5000/api/v1/log', json={'message': 'x'}, verify=False)\n"
            "r.raise_for_status()\nprint(r.text, r.content)\n"
        )
        with EnclaveServer(FILES) as server:
            done = run(source, server)
        self.assertEqual(
            done.stdout.splitlines(),
            [
                "404 False File not found application/json Not Found",
                "True",
                """{"message": "ok"} b'{"message": "ok"}'""",
            ],
            done.stderr,
        )

    def test_gives_way_to_the_real_library_wherever_it_is_on_the_path(self) -> None:
        with tempfile.TemporaryDirectory() as folder, EnclaveServer({}) as server:
            real = Path(folder) / "requests"
            real.mkdir()
            (real / "__init__.py").write_text(
                "from . import part\nname = 'real ' + part.name\n", encoding="utf-8"
            )
            (real / "part.py").write_text("name = 'part'\n", encoding="utf-8")
            for path in ((ROOT / "compat", Path(folder)), (Path(folder), ROOT / "compat")):
                done = run("import requests; print(requests.name)\n", server, path)
                self.assertEqual(done.stdout, "real part\n", done.stderr)


if __name__ == "__main__":
    unittest.main()
