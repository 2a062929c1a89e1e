"""Asks every NVIDIA GPU of this machine for its report over one nonce, through NVML (the package nvidia-ml-py).

Standard input has the nonce as 64 hexadecimal digits. Standard output gets JSON: a list with each GPU's report and the
certificates of its signing key, in the form of NVIDIA's attestation SDK; or {"refused": …} with one of the words below. Nothing
is verified here.
"""

import base64
import json
import re
import sys
from typing import NoReturn

NONCE = re.compile(r"[0-9a-f]{64}")


def refuse(why: str) -> NoReturn:
    json.dump({"refused": why}, sys.stdout)
    sys.exit(0)


def evidence_of(pynvml, index: int, nonce: bytes) -> dict[str, str]:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    names = {pynvml.NVML_DEVICE_ARCH_HOPPER: "HOPPER", pynvml.NVML_DEVICE_ARCH_BLACKWELL: "BLACKWELL"}
    arch = names.get(pynvml.nvmlDeviceGetArchitecture(handle))
    if arch is None:
        refuse("unknown-architecture")
    made = pynvml.nvmlDeviceGetConfComputeGpuAttestationReport(handle, nonce)
    chain = pynvml.nvmlDeviceGetConfComputeGpuCertificate(handle)
    report = bytes(made.attestationReport)[: made.attestationReportSize]
    certificates = bytes(chain.attestationCertChain)[: chain.attestationCertChainSize]
    return {
        "arch": arch,
        "certificate": base64.b64encode(certificates).decode(),
        "evidence": base64.b64encode(report).decode(),
        "nonce": nonce.hex(),
    }


def main() -> None:
    asked = sys.stdin.read(100).strip()
    if not NONCE.fullmatch(asked):
        sys.exit("standard input has no nonce of 64 hexadecimal digits")
    try:
        import pynvml
    except ImportError:
        refuse("no-library")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        refuse("no-driver")
    try:
        count = pynvml.nvmlDeviceGetCount()
        if count == 0:
            refuse("no-gpus")
        if pynvml.nvmlSystemGetConfComputeState().ccFeature != pynvml.NVML_CC_SYSTEM_FEATURE_ENABLED:
            refuse("not-confidential")
        found = [evidence_of(pynvml, index, bytes.fromhex(asked)) for index in range(count)]
    except pynvml.NVMLError:
        refuse("no-report")
    finally:
        pynvml.nvmlShutdown()
    json.dump(found, sys.stdout)


main()
