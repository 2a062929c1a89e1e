// Which platform a room is on, by what the machine has: the launcher of Confidential Space, the device of a Nitro enclave,
// Linux' configfs-tsm, a TPM; the first of these that is there, for a guest that has several is best proven by the first. Nothing
// found means that nothing proves this machine: the caller then simulates, and says so, or gives up.
import { access } from 'node:fs/promises';
import type { DeviceTechnology } from '@sealroom/attest';
import { azureMetadata, type AzureMetadataOptions } from './azure-metadata.ts';
import { confidentialSpace, LAUNCHER_SOCKET } from './confidential-space.ts';
import { configfsTsm, TSM_REPORTS } from './configfs-tsm.ts';
import { ProviderError } from './error.ts';
import { nitro, type NitroOptions, NSM_DEVICE } from './nitro.ts';
import { NVIDIA_DEVICE, nvidiaGpus, type NvidiaGpuOptions } from './nvml.ts';
import type { DeviceProvider, EvidenceProvider } from './provider.ts';
import { tpm2, type Tpm2Options } from './tpm2/provider.ts';
import { tpmAt, TPM_DEVICE } from './tpm2/transport.ts';

export type DetectOptions = {
  /** `aud` of Confidential Space's tokens. */
  readonly audience?: string;
  readonly nitro?: NitroOptions;
  readonly tpm2?: Omit<Tpm2Options, 'open'>;
  /** The TPM’s device, or a socket that speaks its bytes; TPM_DEVICE unless told. */
  readonly tpm?: string;
  /** What an Azure confidential VM asks about its own hardware. */
  readonly azureMetadata?: AzureMetadataOptions;
  /** SNP: the privilege level that asks. */
  readonly privilegeLevel?: number;
  /** Where things lie; for tests. */
  readonly places?: {
    readonly launcher: string;
    readonly nsm: string;
    readonly tsm: string;
    readonly tpm: string;
  };
};

const PLACES = { launcher: LAUNCHER_SOCKET, nsm: NSM_DEVICE, tsm: TSM_REPORTS, tpm: TPM_DEVICE };

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** configfs-tsm may be mounted although no driver reports through it. */
async function tsm(
  folder: string,
  privilegeLevel: number | undefined,
): Promise<EvidenceProvider | undefined> {
  try {
    return await configfsTsm({ folder, ...(privilegeLevel !== undefined && { privilegeLevel }) });
  } catch (error) {
    if (error instanceof ProviderError && error.code !== 'provider/busy') return undefined;
    throw error;
  }
}

/**
 * The provider of this machine.
 * @throws provider/none when nothing here proves anything; else what the provider says that was found
 */
export async function detectProvider(options: DetectOptions = {}): Promise<EvidenceProvider> {
  const places = options.places ?? PLACES;
  if (await isThere(places.launcher)) {
    if (options.audience === undefined)
      throw new ProviderError(
        'provider/refused',
        'Confidential Space needs an audience for its tokens; name it.',
      );
    return confidentialSpace({ socketPath: places.launcher, audience: options.audience });
  }
  if (await isThere(places.nsm)) return nitro(options.nitro);
  if (await isThere(places.tsm)) {
    const found = await tsm(places.tsm, options.privilegeLevel);
    if (found) return found;
  }
  const tpm = options.tpm ?? places.tpm;
  if (options.tpm !== undefined || (await isThere(tpm)))
    return tpm2({ ...azureMetadata(options.azureMetadata), ...options.tpm2, open: () => tpmAt(tpm) });
  throw new ProviderError(
    'provider/none',
    'Nothing on this machine proves what it runs: no confidential guest’s interface and no TPM was found.',
  );
}

export type DeviceOptions = NvidiaGpuOptions & {
  /** Where NVIDIA's driver is; for tests. */
  readonly place?: string;
};

/**
 * The provider of this machine's devices of one kind.
 * @throws provider/none where there are none, and for tokens of a service, which nothing here asks
 */
export async function detectDevices(
  technology: DeviceTechnology,
  { place = NVIDIA_DEVICE, ...options }: DeviceOptions = {},
): Promise<DeviceProvider> {
  if (technology !== 'nvidia-gpu')
    throw new ProviderError(
      'provider/none',
      'Nothing here asks a service for tokens about GPUs; a contract that wants the GPUs’ own reports can be met.',
    );
  if (await isThere(place)) return nvidiaGpus(options);
  throw new ProviderError('provider/none', 'This machine has no NVIDIA GPU, and the contract demands some.');
}
