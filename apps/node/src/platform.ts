// Where a room's evidence comes from: the machine's own hardware where it has any that is known, else this node's simulated
// TEE, which proves nothing about hardware; and that of the machine's devices. The technology is named in the boot, the manifest
// and the receipt.
import { type DeviceTechnology, deviceNonce, type Evidence, type RoomTechnology } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import type { Bytes, Digest } from '@sealroom/bytes';
import type { Signer } from '@sealroom/cose';
import {
  detectDevices,
  type DeviceProvider,
  detectProvider,
  type DetectOptions,
  type EvidenceProvider,
} from '@sealroom/host/attest';

/** `hostData` is SHA-256 of the manifest, fixed before the room starts; hardware that has no field of it ignores it. */
export type Platform = {
  readonly technology: RoomTechnology;
  quote(asked: { readonly hostData: Bytes; readonly reportData: Bytes }): Promise<Evidence>;
};

/** The devices of this machine of one kind. @throws provider/none where there are none */
export type DevicesOf = (technology: DeviceTechnology) => Promise<DeviceProvider>;

/** What the platform says, with all devices that the machine has of a kind, over the nonce that belongs to the same report data. */
export async function proveRoom(
  {
    platform,
    devicesOf = detectDevices,
  }: { readonly platform: Platform; readonly devicesOf?: DevicesOf | undefined },
  asked: Parameters<Platform['quote']>[0] & { readonly devices: DeviceTechnology | undefined },
): Promise<Evidence> {
  const { devices: kind, ...own } = asked;
  if (kind === undefined) return platform.quote(own);
  const provider = await devicesOf(kind);
  // At the same time, for the vaults' nonces live a minute.
  const [evidence, devices] = await Promise.all([
    platform.quote(own),
    provider.provide(await deviceNonce(own.reportData)),
  ]);
  return { ...evidence, devices };
}

/** Plays the part of a TEE: it fixes host data and launch digest and signs evidence over any report data. */
export function simulatedPlatform({
  simulator,
  launch,
  now,
}: {
  readonly simulator: Signer;
  readonly launch: Digest;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): Platform {
  return {
    technology: 'simulated',
    quote: ({ hostData, reportData }) =>
      simulatedEvidence(simulator, { launch, hostData, reportData, debug: false }, Math.floor(now() / 1000)),
  };
}

/** The machine's own hardware as its operating system shows it. */
export function hardwarePlatform(provider: EvidenceProvider): Platform {
  const { technology } = provider;
  return { technology, quote: ({ hostData, reportData }) => provider.provide(reportData, hostData) };
}

/** @throws provider/none where nothing proves this machine, and what the provider says that was found */
export async function detectPlatform(options: DetectOptions = {}): Promise<Platform> {
  return hardwarePlatform(await detectProvider(options));
}
