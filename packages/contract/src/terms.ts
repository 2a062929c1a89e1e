// The contract: canonical JSON that every participant signs byte for byte (protocol.md section 6). Absent means denied;
// unknown members are refused. Not checked here: signatures, time, the record (see record.ts and release.ts).
import {
  BytesError,
  base64urlDecode,
  type Bytes,
  canonicalBytes,
  type Digest,
  parseCanonical,
  sha256Digest,
} from '@sealroom/bytes';
import { entrySchema, type RoomTechnology } from '@sealroom/attest';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { digest, identifier, keyOf, keyText, salt, shortText, time, url } from './fields.ts';
import { parameterName, parameterType } from './parameters.ts';

export const ROLES = ['data-steward', 'algorithm-owner'] as const;
export const USES = ['contract', 'publish', 'request', 'approve', 'suspend'] as const;
export const CUSTODIES = ['own', 'attested', 'operator'] as const;
export const SENSITIVITIES = ['test', 'real'] as const;
/**
 * Technologies whose hardware keeps a room's memory from its host. What is not here, be it a simulator, a TPM, which measures and
 * hides nothing, or a device's word without the room's own, opens data marked "test" only.
 */
const SHIELDING: ReadonlySet<RoomTechnology> = new Set<RoomTechnology>([
  'sev-snp',
  'tdx',
  'sgx',
  'aws-nitro',
  'azure-cvm',
  'azure-maa',
  'gcp-confidential-space',
]);

export function mayOpenReal(technology: RoomTechnology): boolean {
  return SHIELDING.has(technology);
}

/** Weakest first: no sandbox · namespaces, seccomp and limits · a kernel of its own. */
export const ISOLATIONS = ['none', 'process', 'kernel'] as const;

export type Use = (typeof USES)[number];
export type Isolation = (typeof ISOLATIONS)[number];
export type Sensitivity = (typeof SENSITIVITIES)[number];
export type Custody = (typeof CUSTODIES)[number];
export type Role = (typeof ROLES)[number];

const participant = z.strictObject({
  org: digest,
  root: keyText,
  role: z.enum(ROLES),
  keys: z
    .array(z.strictObject({ kid: digest, uses: z.array(z.enum(USES)).min(1) }))
    .min(1)
    .max(100),
});

const dataset = z.strictObject({
  digest,
  steward: digest,
  specification: digest,
  attestation: digest,
  sensitivity: z.enum(SENSITIVITIES),
  access: z.enum(['staged', 'streamed']),
});

const algorithm = z.strictObject({
  package: digest,
  image: digest.nullable(),
  base: z.union([z.literal('host'), digest]),
  owner: digest,
  mode: z.literal('validation'),
});

const room = z.strictObject({
  accept: z.array(entrySchema).min(1).max(16),
  isolation: z.enum(ISOLATIONS),
  network: z.literal('none'),
  maxVcpu: z.int().min(1).max(1024),
  maxMemoryGiB: z.int().min(1).max(65_536),
  maxMinutes: z.int().min(1).max(10_080),
});

const output = z.strictObject({
  recipients: z
    .array(z.strictObject({ org: digest, key: keyOf('X25519') }))
    .min(1)
    .max(64),
  maxBytes: z
    .int()
    .min(1024)
    .max(64 * 1024 * 1024),
  /** At least 1: also that a run failed is told. */
  maxBits: z.int().min(1),
  classes: z.array(z.enum(['report', 'log'])).min(1),
  logs: z.enum(['none', 'status']),
  release: z.literal('automatic'),
  timing: z.enum(['grid', 'at-once']),
});

export const contractSchema = z.strictObject({
  v: z.literal(1),
  version: z.int().min(1),
  first: digest.nullable(),
  project: identifier,
  salt,
  purpose: shortText,
  jurisdiction: shortText,
  notBefore: time,
  notAfter: time,
  participants: z.array(participant).min(2).max(64),
  datasets: z.array(dataset).min(1).max(64),
  algorithms: z.array(algorithm).min(1).max(64),
  criteria: digest,
  parameters: z.record(parameterName, parameterType),
  room,
  output,
  quota: z.strictObject({
    runs: z.int().min(1).max(1_000_000),
    attemptsPerRun: z.int().min(1).max(10),
  }),
  ledger: z.strictObject({
    origin: shortText,
    key: keyText,
    witnesses: z.array(z.strictObject({ org: digest, name: shortText, key: keyText })).max(16),
    maxAgeSeconds: z.int().min(5).max(86_400),
  }),
  vaults: z
    .array(
      z.strictObject({
        org: digest,
        url,
        key: keyText,
        keks: z.array(digest).min(1),
        custody: z.enum(CUSTODIES),
      }),
    )
    .min(1)
    .max(64),
});

/** A contract's terms. All sizes in bytes, information in bits, times RFC 3339 UTC. */
export type Contract = z.infer<typeof contractSchema>;

function problems(contract: Contract): string[] {
  const found: string[] = [];
  const orgs = contract.participants.map((participant) => participant.org);
  const inRole = (role: Role) =>
    contract.participants.filter((participant) => participant.role === role).map((p) => p.org);
  const expect = (good: boolean, problem: string) => {
    if (!good) found.push(problem);
  };
  const unique = (values: readonly string[]) => new Set(values).size === values.length;
  const kids = contract.participants.flatMap((participant) => participant.keys.map((key) => key.kid));
  expect(unique(orgs), 'an organisation stands twice among the participants');
  expect(unique(kids), 'a key stands for two participants');
  expect(
    Date.parse(contract.notBefore) < Date.parse(contract.notAfter),
    'the contract ends before it begins',
  );
  expect(
    (contract.version === 1) === (contract.first === null),
    'version 1 has no first version, and later versions name it',
  );
  expect(
    contract.datasets.every((item) => inRole('data-steward').includes(item.steward)),
    'a dataset’s steward is no data steward here',
  );
  expect(
    contract.algorithms.every((item) => inRole('algorithm-owner').includes(item.owner)),
    'an algorithm’s owner is no algorithm owner here',
  );
  expect(unique(contract.datasets.map((item) => item.digest)), 'a dataset stands twice');
  expect(unique(contract.algorithms.map((item) => item.package)), 'an algorithm stands twice');
  expect(
    contract.output.recipients.every((item) => orgs.includes(item.org)),
    'an output recipient is no participant',
  );
  expect(
    contract.vaults.every((item) => orgs.includes(item.org)),
    'a vault’s organisation is no participant',
  );
  const owners = [
    ...contract.datasets.map((item) => item.steward),
    ...contract.algorithms.map((item) => item.owner),
  ];
  expect(
    owners.every((org) => contract.vaults.some((vault) => vault.org === org)),
    'an asset’s owner has no vault here',
  );
  expect(unique(contract.vaults.map((vault) => vault.org)), 'an organisation has two vaults here');
  const simulated = contract.room.accept.some((entry) => entry.technology === 'simulated');
  expect(
    contract.room.accept.every((entry) => mayOpenReal(entry.technology)) ||
      contract.datasets.every((item) => item.sensitivity === 'test'),
    'a room whose hardware does not keep its memory from the host, such as a simulated one, may only open data marked "test"',
  );
  expect(
    !simulated || contract.room.accept.every((entry) => entry.technology === 'simulated'),
    'a contract that accepts simulated rooms accepts no others: its parties would not know which they get',
  );
  return found;
}

/**
 * Reads a contract from the bytes that were signed.
 * @throws contract/malformed when the bytes are not canonical JSON of a contract whose parts agree.
 */
export function parseContract(bytes: Uint8Array): Contract {
  let value: unknown;
  try {
    value = parseCanonical(bytes);
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new ContractError('contract/malformed', `The contract is not canonical JSON: ${cause.message}`, {
      cause,
    });
  }
  const result = contractSchema.safeParse(value);
  if (!result.success) {
    throw new ContractError(
      'contract/malformed',
      `The contract does not fit its schema: ${z.prettifyError(result.error)}`,
    );
  }
  const found = problems(result.data);
  if (found.length > 0)
    throw new ContractError('contract/malformed', `The contract contradicts itself: ${found.join('; ')}.`);
  return result.data;
}

/** The bytes to sign. @throws contract/malformed */
export function encodeContract(contract: Contract): Bytes {
  const bytes = canonicalBytes(contract);
  parseContract(bytes);
  return bytes;
}

export async function contractDigest(bytes: Uint8Array): Promise<Digest> {
  return sha256Digest(bytes);
}

/** The 16 salt bytes. */
export function contractSalt(contract: Contract): Bytes {
  return base64urlDecode(contract.salt);
}

/** The vault of an organisation under this contract. */
export function vaultOf(contract: Contract, org: Digest): Contract['vaults'][number] | undefined {
  return contract.vaults.find((vault) => vault.org === org);
}

/** True when `reached` is at least as strong as `needed`. */
export function isolationSuffices(reached: Isolation, needed: Isolation): boolean {
  return ISOLATIONS.indexOf(reached) >= ISOLATIONS.indexOf(needed);
}
