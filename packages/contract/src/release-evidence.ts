// What a room's evidence has against it (protocol.md section 7): held against the entries of every contract of the run, and
// against the vault's own policy, which is one more party. All reasons are told at once. Not decided here: which collateral
// there is, and whether the nonces are this vault's (release.ts).
import {
  type Appraisal,
  appraiseEvidence,
  type Category,
  type Check,
  type Collateral,
  type CollateralUse,
  type Evidence,
  isReason,
  type KeySet,
  type Roots,
  roomPolicy,
  type Submodule,
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

/** The same of a room's devices, so that their owner is not sent to look at the room. */
const DEVICE_CODES: Readonly<Record<Category, ReleaseCode>> = {
  authentic: 'release/device-evidence',
  freshness: 'release/device-evidence',
  revocation: 'release/device-revocation',
  tcb: 'release/device-tcb',
  configuration: 'release/device-configuration',
  device: 'release/device',
  technology: 'release/device',
  debug: 'release/device-code',
  code: 'release/device-code',
  run: 'release/device-binding',
  binding: 'release/device-binding',
  platform: 'release/device-platform',
};

/** Every code that tells of evidence which does not hold. */
export const EVIDENCE_CODES: ReadonlySet<ReleaseCode> = new Set(
  [CODES, DEVICE_CODES].flatMap((codes) => Object.values(codes)),
);

/** What is renewed often, and what is not known any more when it is too old. Certificates live as long as their vendors say. */
const AGING: Readonly<Partial<Record<CollateralUse['kind'], Category>>> = {
  crl: 'revocation',
  ocsp: 'revocation',
  'tcb-info': 'tcb',
  'qe-identity': 'tcb',
  'key-set': 'authentic',
};

type Uses = ReadonlyMap<string, CollateralUse>;

function ageReasons(
  used: Uses,
  { codes, now, limit }: { codes: typeof CODES; now: number; limit: number | undefined },
): Reason[] {
  if (limit === undefined) return [];
  return [...used.values()].flatMap(({ kind, notBefore }) => {
    const category = AGING[kind];
    if (!category || now - notBefore <= limit) return [];
    const detail = `the ${kind} that the evidence rests on is older than this vault’s owner allows`;
    return [{ code: codes[category], detail }];
  });
}

/** What keeps a room from being affirmed; what is wrong with a device has codes of its own, and says with which. */
function reasonsOf({ submodules: [own, ...devices] }: Appraisal): Reason[] {
  const told = ({ checks }: Submodule, say: (check: Check) => Reason) => checks.filter(isReason).map(say);
  return [
    ...(own ? told(own, (check) => reason(CODES[check.category], check, check.id)) : []),
    ...devices.flatMap((device) =>
      told(device, (check) => reason(DEVICE_CODES[check.category], check, `${device.name}, ${check.id}`)),
    ),
  ];
}

function reason(code: ReleaseCode, { id, detail }: Check, where: string): Reason {
  return { code, check: id, detail: `this does not hold: ${detail} (${where})` };
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
  const ofRoom = new Map<string, CollateralUse>();
  const ofDevices = new Map<string, CollateralUse>();
  let platform: string | undefined;
  const { distrust, maxCollateralAgeMs } = vault.policy;
  const binding = { reportData: await roomBinding(nonces, room, manifestHash), hostData: manifestHash };
  const context = { at: now, ...attest };
  for (const { contract } of contracts) {
    const policy = roomPolicy(contract.room.accept, distrust);
    const appraisal = await appraiseEvidence(evidence, policy, { binding, context });
    platform ??= appraisal.claims?.platform;
    const [own, ...devices] = appraisal.submodules;
    for (const use of own?.used ?? []) ofRoom.set(use.sha256, use);
    for (const use of devices.flatMap(({ used }) => used)) ofDevices.set(use.sha256, use);
    found.push(...reasonsOf(appraisal));
    if (appraisal.verdict !== 'affirmed' && found.length === 0)
      found.push({ code: 'release/evidence', detail: 'the evidence is not affirmed' });
  }
  const aged = { now, limit: maxCollateralAgeMs };
  if (technologyOf(evidence.technology).hardware)
    found.push(...ageReasons(ofRoom, { ...aged, codes: CODES }));
  found.push(...ageReasons(ofDevices, { ...aged, codes: DEVICE_CODES }));
  return { found, platform, used: [...new Map([...ofRoom, ...ofDevices]).values()] };
}
