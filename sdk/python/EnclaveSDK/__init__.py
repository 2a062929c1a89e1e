"""The client that algorithms import to read data and post reports in a room.

The names are those that EscrowAI's users know (Configuration, ApiClient,
DataApi, ReportApi, LogApi, models with ``from_dict`` and ``to_dict``); the
code is this project's own and needs the standard library only. Not here:
artifacts, write-back and MLflow.
"""

from EnclaveSDK.api import DataApi, LogApi, ReportApi
from EnclaveSDK.api_client import VERSION as __version__
from EnclaveSDK.api_client import ApiClient
from EnclaveSDK.api_response import ApiResponse
from EnclaveSDK.configuration import Configuration
from EnclaveSDK.exceptions import (
    ApiAttributeError,
    ApiException,
    ApiKeyError,
    ApiTypeError,
    ApiValueError,
    OpenApiException,
)
from EnclaveSDK.models import (
    File,
    Files,
    LogData,
    MessageResponse,
    Report,
    ReportJsonSchema,
    ValidateResponse,
)

__all__ = [
    "ApiAttributeError",
    "ApiClient",
    "ApiException",
    "ApiKeyError",
    "ApiResponse",
    "ApiTypeError",
    "ApiValueError",
    "Configuration",
    "DataApi",
    "File",
    "Files",
    "LogApi",
    "LogData",
    "MessageResponse",
    "OpenApiException",
    "Report",
    "ReportApi",
    "ReportJsonSchema",
    "ValidateResponse",
    "__version__",
]
