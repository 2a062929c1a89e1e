// The entry of a policy for an NVIDIA GPU. All is mandatory; an empty list allows nothing.
import { z } from 'zod';
import { hex, platforms, revocation } from '../entry.ts';
import { MEASUREMENT_BYTES, MODES } from './parse.ts';

const version = z.string().min(1).max(64);

/**
 * By index, as NVIDIA's manifests count (SPDM's block less one), the measurements that are right, or `ignored` for one that
 * tells nothing. Every index of a report must be here.
 */
const values = z.record(
  z.string().regex(/^(?:0|[1-9]\d{0,2})$/),
  z.union([z.array(hex(MEASUREMENT_BYTES)).max(64), z.literal('ignored')]),
);

export type GpuValues = z.infer<typeof values>;

export const gpuEntry = z.strictObject({
  technology: z.literal('nvidia-gpu'),
  architectures: z.array(z.enum(['hopper', 'blackwell'])).max(2),
  /** Versions that are acceptable; there is no order among them that NVIDIA promises. */
  drivers: z.array(version).max(64),
  vbios: z.array(version).max(64),
  /** SHA-384 of the firmware that holds the signing key, as its certificate says. */
  firmware: z.union([
    z.array(hex(MEASUREMENT_BYTES)).max(64),
    z.strictObject({ any: z.literal('accepted') }),
  ]),
  modes: z.array(z.enum(MODES)).max(MODES.length),
  /** Where the right measurements come from: NVIDIA's signed manifests in the collateral, or these values, any of the lists. */
  reference: z.union([
    z.strictObject({ manifests: z.literal('nvidia') }),
    z.strictObject({ values: z.array(values).min(1).max(16) }),
  ]),
  /** A GPU has no field but the nonce. */
  runBinding: z.literal('software'),
  platforms,
  revocation,
});

export type GpuEntry = z.infer<typeof gpuEntry>;
