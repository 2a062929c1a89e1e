// A node's configuration: where its hub is, where it keeps its two keys and its spool. It holds no secret of any party.
import { loadConfig } from '@sealroom/host';
import { z } from 'zod';

const shape = {
  /** The hub's URL, as its certificate names it. */
  hubUrl: z.url(),
  dataDirectory: z.string().min(1),
  name: z.string().min(1).max(100).default('node'),
  /** File with the PEM authorities that signed the services' certificates, when they are none of the system's. */
  caPath: z.string().min(1).optional(),
  /** Stores in full (`https://name`) that rooms here may fetch from, of those that the hub takes URLs of. */
  storeOrigins: z.array(z.string()).default([]),
  /** One-time code of the hub, needed for the first start only. */
  code: z.string().optional(),
  /** Rooms at a time. */
  concurrency: z.int().min(1).max(64).default(1),
  maxVcpu: z.int().min(1).default(2),
  maxMemoryGib: z.int().min(1).default(4),
  /**
   * `true`: start simulated rooms, which prove nothing about hardware. `false`: rooms prove themselves by this machine's own
   * hardware, and the node does not start where it has none that is known. There is no default.
   */
  simulated: z.boolean(),
  /** `aud` of Confidential Space's tokens, as contracts name it. */
  attestationAudience: z.string().min(1).max(512).optional(),
  /** The TPM's device, or a socket that speaks its bytes, where it is not /dev/tpmrm0. */
  tpm: z.string().min(1).optional(),
  /** The program, with its words, that asks the machine's GPUs for reports through NVML, instead of the one that comes with this. */
  gpuHelper: z.array(z.string().min(1)).min(1).optional(),
  /** Refuse to start where rooms cannot be kept behind the gate. */
  requireGate: z.boolean().default(false),
  /** Hosts of vaults that may lie at addresses that are not of the open internet. The hub's host always may. */
  privateHosts: z.array(z.string().min(1)).default([]),
  /** End when standard input ends, for supervisors. */
  stopWithParent: z.boolean().default(false),
  /** The health endpoints' port on loopback; 0 takes any. */
  healthPort: z.int().min(0).max(65_535).default(0),
};

export type NodeConfig = z.infer<z.ZodObject<typeof shape>>;

/** @throws config/invalid */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): NodeConfig {
  return loadConfig({ shape, prefix: 'SEALROOM_NODE_', environment });
}
