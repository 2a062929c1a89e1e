// What every technology shares: evidence as it travels, the context in which it is judged, claims as the hardware signed
// them, and checks. Parse gives a typed value, verify says who signed it, appraise says whether it is acceptable; time,
// anchors, collateral and policy are arguments, and nothing is fetched.
import type { Bytes } from '@sealroom/bytes';
import type { Collateral } from './collateral.ts';
import type { KeySet } from './jwt/key-set.ts';
import type { Roots } from './roots/roots.ts';

/** Technologies of rooms. `simulated` comes first and proves nothing about hardware. */
export const ROOM_TECHNOLOGIES = [
  'simulated',
  'tdx',
  'sgx',
  'sev-snp',
  'tpm',
  'azure-cvm',
  'aws-nitro',
  'azure-maa',
  'gcp-confidential-space',
] as const;
/** Technologies of devices that a room may use; they prove nothing of the room itself. */
export const DEVICE_TECHNOLOGIES = ['nvidia-gpu', 'nvidia-nras'] as const;

export type RoomTechnology = (typeof ROOM_TECHNOLOGIES)[number];
export type DeviceTechnology = (typeof DEVICE_TECHNOLOGIES)[number];
export type Technology = RoomTechnology | DeviceTechnology;

export type DeviceEvidence = { readonly technology: DeviceTechnology; readonly body: string };

/**
 * Evidence as it travels: base64url of the technology's own bytes. `devices` is evidence of the devices that a room uses,
 * in the order in which the entry that is to accept them names them; their nonces bind what the room's evidence binds.
 */
export type Evidence = {
  readonly technology: RoomTechnology;
  readonly body: string;
  readonly devices?: readonly DeviceEvidence[];
};

/** What can be verified by itself: a room's evidence, or a device's. */
export type AnyEvidence = Evidence | DeviceEvidence;

/**
 * What a check is about. A technology says which of them it always has checks of; each of those must have passed for anything
 * to be affirmed. `run`, `binding` and `platform` are made for all technologies alike, in appraise.ts.
 */
export type Category =
  | 'authentic'
  | 'revocation'
  | 'debug'
  | 'code'
  | 'tcb'
  | 'run'
  | 'binding'
  | 'platform'
  | 'technology'
  | 'configuration'
  | 'freshness'
  | 'device';

/**
 * One check: `id` is stable and names it (`sev-snp/debug`). `skipped` says that it could not be made; such a check never
 * affirms, unless `waived` repeats the reason that the policy gives for going without it.
 */
export type Check = {
  readonly id: string;
  readonly category: Category;
  readonly outcome: 'pass' | 'fail' | 'skipped';
  readonly detail: string;
  readonly waived?: string;
};

/** Only what the evidence's signer signed, and what every technology can say. */
export type Claims = {
  readonly technology: Technology;
  readonly hardware: boolean;
  readonly debug: boolean;
  /** What identifies the code, as text: a launch digest, or several registers. */
  readonly launch: string;
  /** What was fixed at launch or extended once, and names the run: SHA-256 of the manifest and zeros; undefined where no field can. */
  readonly hostData: Bytes | undefined;
  /** What the room chose: it binds nonces, room keys and manifest. */
  readonly reportData: Bytes;
  /** The chip, instance or signer, by a stable name; for a simulated room the thumbprint of the node's simulator key. */
  readonly platform: string;
  /** Where the evidence speaks for several (the GPUs of one token): the others. Each must be allowed. */
  readonly otherPlatforms?: readonly string[] | undefined;
  /** Names under which the same platform may be distrusted as well. */
  readonly otherNames?: readonly string[] | undefined;
  /** All signed claims for display, by the technology's own names; bytes in hexadecimal. */
  readonly signed: { readonly [name: string]: string | number | boolean | readonly string[] };
};

/** A piece of collateral that was used. Times are milliseconds since 1970. */
export type CollateralUse = {
  readonly kind:
    | 'certificate'
    | 'crl'
    | 'tcb-info'
    | 'qe-identity'
    | 'key-set'
    | 'pinned-key'
    | 'reference-manifest'
    | 'ocsp';
  readonly subject: string;
  /** Lower-case hexadecimal SHA-256 of its bytes. */
  readonly sha256: string;
  /** The same of the document that it is a part of, where it is: so that the document can be found again. */
  readonly within?: string;
  readonly notBefore: number;
  readonly notAfter: number;
};

/** What verify gives back: checks of authenticity, and claims only when the evidence is authentic. */
export type Verified<C extends Claims = Claims> = {
  readonly checks: readonly Check[];
  readonly claims: C | undefined;
  readonly used: readonly CollateralUse[];
  /** Authentic: from when to when the evidence says of itself that it holds, as tokens do. */
  readonly window?: Window | undefined;
};

/** Milliseconds since 1970. */
export type Window = { readonly notBefore: number; readonly notAfter: number };

/** The world as the verifier sees it. */
export type Context = {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly collateral: Collateral;
  /** What is trusted: anchors by vendor. */
  readonly roots: Roots;
  /** Keys of attestation services, as the verifier's own fetcher got them; none are trusted when absent. */
  readonly keySets?: readonly KeySet[] | undefined;
};

/** What the report must bind: `reportData` is B and `hostData` SHA-256 of the manifest (protocol.md section 7), 32 bytes each. */
export type Binding = { readonly reportData: Uint8Array; readonly hostData: Uint8Array };
