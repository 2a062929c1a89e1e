"""A STAND-IN for NVIDIA's nvidia-ml-py, for tests: no GPU is asked and no driver is loaded.

It has the few names of that package that nvml-report.py uses, with the same structures, and gives what gpus.json beside it says.
nvml.test.ts holds names, constants and structures against the real package.
"""

import base64
import ctypes
import json
import os

NVML_DEVICE_ARCH_AMPERE = 7
NVML_DEVICE_ARCH_HOPPER = 9
NVML_DEVICE_ARCH_BLACKWELL = 10
NVML_CC_SYSTEM_FEATURE_DISABLED = 0
NVML_CC_SYSTEM_FEATURE_ENABLED = 1

with open(os.path.join(os.path.dirname(__file__), "gpus.json"), encoding="utf-8") as _file:
    _made_up = json.load(_file)
_started = False


class NVMLError(Exception):
    pass


class c_nvmlConfComputeSystemState_t(ctypes.Structure):
    _fields_ = [("environment", ctypes.c_uint), ("ccFeature", ctypes.c_uint), ("devToolsMode", ctypes.c_uint)]


class c_nvmlConfComputeGpuCertificate_t(ctypes.Structure):
    _fields_ = [
        ("certChainSize", ctypes.c_uint),
        ("attestationCertChainSize", ctypes.c_uint),
        ("certChain", ctypes.c_uint8 * 0x1000),
        ("attestationCertChain", ctypes.c_uint8 * 0x1400),
    ]


class c_nvmlConfComputeGpuAttestationReport_t(ctypes.Structure):
    _fields_ = [
        ("isCecAttestationReportPresent", ctypes.c_uint),
        ("attestationReportSize", ctypes.c_uint),
        ("cecAttestationReportSize", ctypes.c_uint),
        ("nonce", ctypes.c_uint8 * 0x20),
        ("attestationReport", ctypes.c_uint8 * 0x2000),
        ("cecAttestationReport", ctypes.c_uint8 * 0x1000),
    ]


def _gpus():
    if not _started:
        raise NVMLError("Uninitialized")
    return _made_up["gpus"]


def nvmlInit():
    global _started
    if not _made_up.get("driver", True):
        raise NVMLError("Driver Not Loaded")
    _started = True


def nvmlShutdown():
    global _started
    _started = False


def nvmlDeviceGetCount():
    return len(_gpus())


def nvmlDeviceGetHandleByIndex(index):
    return _gpus()[index]


def nvmlDeviceGetArchitecture(device):
    return device.get("arch", NVML_DEVICE_ARCH_HOPPER)


def nvmlSystemGetConfComputeState():
    _gpus()
    return c_nvmlConfComputeSystemState_t(ccFeature=_made_up.get("feature", NVML_CC_SYSTEM_FEATURE_ENABLED))


def nvmlDeviceGetConfComputeGpuAttestationReport(device, c_nonce):
    made = c_nvmlConfComputeGpuAttestationReport_t()
    # The real package takes a nonce of any length that fits here.
    made.nonce = (ctypes.c_uint8 * len(c_nonce))(*c_nonce)
    if "report" not in device:
        raise NVMLError("Not Supported")
    report = base64.b64decode(device["report"])
    ctypes.memmove(made.attestationReport, report, len(report))
    made.attestationReportSize = len(report)
    return made


def nvmlDeviceGetConfComputeGpuCertificate(device):
    made = c_nvmlConfComputeGpuCertificate_t()
    chain = base64.b64decode(device["chain"])
    ctypes.memmove(made.attestationCertChain, chain, len(chain))
    made.attestationCertChainSize = len(chain)
    return made
