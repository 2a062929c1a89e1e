"""Lays the packages that vectors/attest/published.json names into a folder, from their registries by the registries' own clients
(pip, cargo, go). Run: python3 vectors/fetch_published.py FOLDER; then name the folder in SEALROOM_PUBLISHED. Nothing of them is
run or built, but that pip asks a source distribution's own setup for its name. Not fetched: repositories (from: git), which lie
at FOLDER/git/OWNER/NAME@COMMIT where you put a checkout."""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path


def run(*command, cwd):
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def crate(name, version, work):
    (work / "src").mkdir()
    (work / "src" / "lib.rs").touch()
    (work / "Cargo.toml").write_text(
        f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n{name} = "={version}"\n'
    )
    about = json.loads(run("cargo", "metadata", "--quiet", "--format-version", "1", cwd=work))
    found = next(one for one in about["packages"] if one["name"] == name and one["version"] == version)
    return Path(found["manifest_path"]).parent


def module(name, version, work):
    (work / "go.mod").write_text("module fetch\n")
    about = json.loads(run("go", "mod", "download", "-json", f"{name}@{version}", cwd=work))
    return Path(about["Dir"])


def distribution(name, version, work, kind):
    only = ("--no-binary", name) if kind == "source" else ("--only-binary", ":all:")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*pip, *only, "--dest", str(work), f"{name}=={version}", cwd=work)
    (archive,) = [one for one in work.iterdir() if one.is_file()]
    unpacked = work / "unpacked"
    if archive.suffix in (".whl", ".zip"):
        zipfile.ZipFile(archive).extractall(unpacked)
    else:
        tarfile.open(archive).extractall(unpacked, filter="data")
    inner = list(unpacked.iterdir())
    return inner[0] if kind == "source" and len(inner) == 1 else unpacked


def fetch(package, folder):
    place, name, version = package["from"], package["name"], package["version"]
    to = folder / place / (f"{name}@{version}" if place == "go" else f"{name}-{version}")
    if place == "git" or to.exists():
        return
    with tempfile.TemporaryDirectory() as work:
        if place == "crates":
            found = crate(name, version, Path(work))
        elif place == "go":
            found = module(name, version, Path(work))
        else:
            found = distribution(name, version, Path(work), package.get("as", "wheel"))
        part = to.with_name(f"{to.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(found, part)
        part.rename(to)
    print(to)


def main():
    if len(sys.argv) != 2:
        sys.exit("Say into which folder: python3 vectors/fetch_published.py FOLDER")
    table = json.loads((Path(__file__).parent / "attest" / "published.json").read_text())
    for package in table["packages"]:
        fetch(package, Path(sys.argv[1]).resolve())


main()
