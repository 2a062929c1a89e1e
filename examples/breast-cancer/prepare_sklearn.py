"""Makes the scikit-learn package ready to be sealed: its dependencies inside it, its model trained.

    python3 prepare_sklearn.py TARGET

Run it where there is a network, with the Python version that the room has
(``python3 --version`` there), and pip. Into TARGET, a new folder, go the files
of ``algorithm-sklearn``, the wheels of its ``requirements.txt`` (checked
against the digests there, no code of theirs is run to install them) and a
model trained on the vendor's table. Nothing is installed anywhere else.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = HERE / "algorithm-sklearn"


def install(requirements: Path, target: Path) -> None:
    """Puts the wheels' contents into ``target``."""
    options = ["--only-binary", ":all:", "--require-hashes", "--no-compile", "--no-warn-script-location"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *options,
            *("--target", str(target), "--requirement", str(requirements)),
        ],
        check=True,
    )
    # Starters of command line tools name this machine's Python; the room has no use for them.
    shutil.rmtree(target / "bin", ignore_errors=True)


def main(target: Path) -> None:
    """Copies the package, installs its dependencies and trains its model."""
    if target.exists():
        raise SystemExit(f"{target} is there already; give the path of a new folder.")
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(PACKAGE, unfinished, ignore=shutil.ignore_patterns("__pycache__"))
    dependencies = unfinished / "dependencies"
    install(unfinished / "requirements.txt", dependencies)
    model = unfinished / "models" / "model.joblib"
    subprocess.run(
        [
            *(sys.executable, "-B", "-s", str(unfinished / "train.py")),
            *(str(HERE / "data" / "vendor" / "training.csv"), str(model)),
        ],
        env={**os.environ, "PYTHONPATH": str(dependencies)},
        check=True,
    )
    unfinished.rename(target)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"{target}: ready to be sealed; for rooms with Python {version} on {platform.machine()}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
