// What a room asks its platform for: evidence over B, on a machine that was started (or a register extended) for a manifest.
import type { DeviceEvidence, DeviceTechnology, Evidence, RoomTechnology } from '@sealroom/attest';

export const PROVIDERS = ['configfs-tsm', 'tpm2', 'confidential-space', 'aws-nitro'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

export type EvidenceProvider = {
  readonly name: ProviderName;
  readonly technology: RoomTechnology;
  /**
   * @param reportData B (protocol.md section 7), 32 bytes
   * @param hostData SHA-256 of the manifest, 32 bytes; where the platform fixes it before the start it is not looked at here
   * @throws ProviderError
   */
  provide(reportData: Uint8Array, hostData: Uint8Array): Promise<Evidence>;
};

/** What a room's host asks the devices of its machine for. */
export type DeviceProvider = {
  readonly technology: DeviceTechnology;
  /**
   * @param nonce what the devices are to sign, 32 bytes (deviceNonce)
   * @returns the evidence of every device there is, in the machine's order
   * @throws ProviderError
   */
  provide(nonce: Uint8Array): Promise<readonly DeviceEvidence[]>;
};
