export { AZURE_METADATA, azureMetadata, type AzureMetadataOptions } from './azure-metadata.ts';
export { confidentialSpace, type ConfidentialSpaceOptions, LAUNCHER_SOCKET } from './confidential-space.ts';
export { configfsTsm, TSM_REPORTS, type TsmFiles, type TsmOptions } from './configfs-tsm.ts';
export { detectProvider, type DetectOptions } from './detect.ts';
export { ProviderError, type ProviderErrorCode } from './error.ts';
export { nitro, type NitroOptions, NSM_DEVICE } from './nitro.ts';
export { type EvidenceProvider, type ProviderName, PROVIDERS } from './provider.ts';
export { tpm2, type Tpm2Options } from './tpm2/provider.ts';
export { tpmAt, TPM_DEVICE, tpmSocket, type TpmTransport } from './tpm2/transport.ts';
