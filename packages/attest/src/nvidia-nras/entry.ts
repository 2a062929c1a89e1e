// The entry of a policy for tokens of NVIDIA's Remote Attestation Service. The service has compared the GPU's measurements with
// NVIDIA's reference manifests of its driver and VBIOS; which of those are acceptable is said here.
import { z } from 'zod';
import { platforms, revocation } from '../entry.ts';
import { tokenKeysOrChain } from '../jwt/verify.ts';

const text = z.string().min(1).max(100);

export const nrasEntry = z.strictObject({
  technology: z.literal('nvidia-nras'),
  /** `chain` = a certificate chain under the pinned authorities of the service; else its key set or pinned keys. */
  keys: tokenKeysOrChain,
  /** How many GPUs the token must tell of, exactly. */
  gpus: z.number().int().min(1).max(16),
  /** hwmodel, such as "GH100 A01 GSP BROM". */
  hardware: z.array(text).max(64),
  /** Versions of the driver and of the VBIOS that are acceptable: the code and the floor of a GPU. */
  driver: z.array(text).max(64),
  vbios: z.array(text).max(64),
  maxAgeSeconds: z.number().int().min(1).max(86_400),
  revocation,
  platforms,
  /** A GPU has no field that names the run: the nonce binds it. */
  runBinding: z.literal('software'),
});

export type NrasEntry = z.infer<typeof nrasEntry>;
