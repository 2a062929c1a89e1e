"""One class for each group of endpoints."""

from EnclaveSDK.api.data_api import DataApi
from EnclaveSDK.api.log_api import LogApi
from EnclaveSDK.api.report_api import ReportApi

__all__ = ["DataApi", "LogApi", "ReportApi"]
