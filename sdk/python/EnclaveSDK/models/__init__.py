"""The objects that the Enclave API takes and gives."""

from EnclaveSDK.models.file import File, Files
from EnclaveSDK.models.log_data import LogData
from EnclaveSDK.models.report import MessageResponse, Report, ReportJsonSchema, ValidateResponse

__all__ = ["File", "Files", "LogData", "MessageResponse", "Report", "ReportJsonSchema", "ValidateResponse"]
