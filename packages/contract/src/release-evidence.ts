// What a room's evidence has against it (protocol.md section 7): held against the entries of every contract of the run, and
// against the vault's own policy, which is one more party. All reasons are told at once. Not decided here: which collateral
// there is, and whether the nonces are this vault's (release.ts).
import {
  appraiseEvidence,
  type Category,
  type Collateral,
  type CollateralUse,
  type Evidence,
  isReason,
  type KeySet,
  type Roots,
  roomPolicy,
  technologyOf,
} from '@sealroom/attest';
import type { Bytes } from '@sealroom/bytes';
import type { ReleaseCode } from './error.ts';
import { roomBinding, type RoomKeys, type VaultNonce } from './manifest.ts';
import type { ContractState } from './record-types.ts';

/** What evidence is held against: collateral and key sets as the vault has them, and the roots of the vendors. */
export type AttestWorld = {
  readonly collateral: Collateral;
  readonly keySets?: readonly KeySet[] | undefined;
  readonly roots: Roots;
};

/** What a vault's owner says of hardware beyond the contract. */
export type AttestPolicy = {
  /** Platforms, as results name them, that are not believed any more. */
  readonly distrust: readonly string[];
  /** How old lists and vendors' statements may be, whatever their vendors allow, in milliseconds; undefined: as those say. */
  readonly maxCollateralAgeMs?: number | undefined;
};

type Question = {
  readonly now: number;
  readonly evidence: Evidence;
  readonly nonces: readonly VaultNonce[];
  readonly room: RoomKeys;
  readonly attest: AttestWorld;
  readonly vault: { readonly policy: AttestPolicy };
};

type Reason = {
  readonly code: ReleaseCode;
  /** The check of the evidence that did not hold, by its stable id. */
  readonly check?: string | undefined;
  readonly detail: string;
};

const CODES: Readonly<Record<Category, ReleaseCode>> = {
  authentic: 'release/evidence',
  revocation: 'release/revocation',
  tcb: 'release/tcb',
  configuration: 'release/configuration',
  freshness: 'release/evidence',
  device: 'release/device',
  technology: 'release/technology',
  debug: 'release/debug',
  code: 'release/code',
  run: 'release/run-binding',
  binding: 'release/room-binding',
  platform: 'release/platform',
};

/** What is renewed often, and the code that tells that it is too old. Certificates live as long as their vendors say. */
const AGING: Readonly<Partial<Record<CollateralUse['kind'], ReleaseCode>>> = {
  crl: 'release/revocation',
  ocsp: 'release/revocation',
  'tcb-info': 'release/tcb',
  'qe-identity': 'release/tcb',
  'key-set': 'release/evidence',
};

function ageReasons(used: readonly CollateralUse[], now: number, limit: number | undefined): Reason[] {
  if (limit === undefined) return [];
  return used.flatMap(({ kind, notBefore }) => {
    const code = AGING[kind];
    if (!code || now - notBefore <= limit) return [];
    return [
      { code, detail: `the ${kind} that the evidence rests on is older than this vault’s owner allows` },
    ];
  });
}

export type JudgedEvidence = {
  readonly found: Reason[];
  /** Signed, though perhaps not acceptable; undefined when the evidence is not authentic. */
  readonly platform: string | undefined;
  readonly used: readonly CollateralUse[];
};

export async function evidenceReasons(
  { now, evidence, nonces, room, attest, vault }: Question,
  contracts: readonly Pick<ContractState, 'contract'>[],
  manifestHash: Bytes,
): Promise<JudgedEvidence> {
  const found: Reason[] = [];
  const used = new Map<string, CollateralUse>();
  let platform: string | undefined;
  const { distrust, maxCollateralAgeMs } = vault.policy;
  const binding = { reportData: await roomBinding(nonces, room, manifestHash), hostData: manifestHash };
  const context = { at: now, ...attest };
  for (const { contract } of contracts) {
    const policy = roomPolicy(contract.room.accept, distrust);
    const appraisal = await appraiseEvidence(evidence, policy, { binding, context });
    platform ??= appraisal.claims?.platform;
    for (const use of appraisal.used) used.set(use.sha256, use);
    for (const check of appraisal.checks) {
      if (isReason(check))
        found.push({
          code: CODES[check.category],
          check: check.id,
          detail: `this does not hold: ${check.detail} (${check.id})`,
        });
    }
    if (appraisal.verdict !== 'affirmed' && found.length === 0)
      found.push({ code: 'release/evidence', detail: 'the evidence is not affirmed' });
  }
  if (technologyOf(evidence.technology).hardware)
    found.push(...ageReasons([...used.values()], now, maxCollateralAgeMs));
  return { found, platform, used: [...used.values()] };
}
