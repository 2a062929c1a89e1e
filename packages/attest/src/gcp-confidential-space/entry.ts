// The entry of a policy for tokens of Google's Confidential Space. The container is identified by its image digest; what an
// operator set over the image's own command and environment is accepted only as far as the entry says.
import { z } from 'zod';
import { platforms, revocation, runMembers, saysRun } from '../entry.ts';
import { tokenKeysOrChain } from '../jwt/verify.ts';

const text = z.string().min(1).max(512);
const any = z.strictObject({ any: z.literal('accepted') });

export const HARDWARE = ['GCP_AMD_SEV', 'GCP_AMD_SEV_ES', 'GCP_AMD_SEV_SNP', 'GCP_INTEL_TDX'] as const;
export const SUPPORT = ['LATEST', 'STABLE', 'USABLE', 'EXPERIMENTAL'] as const;

/** The variable by which an operator names the run: SHA-256 of the manifest in hexadecimal (`tee-env-` and this name). */
export const RUN_VARIABLE = 'SEALROOM_MANIFEST';

export const confidentialSpaceEntry = z
  .strictObject({
    technology: z.literal('gcp-confidential-space'),
    /** `chain` = PKI tokens, under Google's pinned root; else keys of OIDC tokens. */
    keys: tokenKeysOrChain,
    /** Compared exactly with `aud`. */
    audience: z.array(text).max(64),
    image: z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/)).max(64),
    hardware: z.array(z.enum(HARDWARE)).max(8),
    /** The lowest version of the Confidential Space image, such as 250301. */
    minimumSoftware: z.number().int().min(1).max(99_999_999),
    /** What support_attributes must all say of that image, at least one. */
    support: z.array(z.enum(SUPPORT)).min(1).max(4),
    /** Google Cloud projects by project_id. */
    projects: z.union([z.array(text).max(64), any]),
    /** Command lines that may stand over the image's own. */
    command: z.union([z.literal('image'), z.array(z.array(z.string().max(4096)).max(64)).max(16)]),
    /** Variables that may stand over the image's own, each with its value. */
    environment: z.union([z.literal('image'), z.record(text, z.string().max(4096))]),
    maxAgeSeconds: z.number().int().min(1).max(3600),
    revocation,
    platforms,
    ...runMembers,
  })
  .refine(saysRun, 'say either hostData or runBinding');

export type ConfidentialSpaceEntry = z.infer<typeof confidentialSpaceEntry>;
