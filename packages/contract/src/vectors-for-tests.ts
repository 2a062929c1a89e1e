// What the project's own vectors of this package are made of (vectors/contract, vectors/attest): fixed secrets, salts and
// times, so that whoever makes them anew gets the same bytes. `vectors/make.ts` writes the files, vectors.test.ts compares.
// Test secrets: nothing here protects anything.
import { parseSimulatedEvidence } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalJson,
  type Digest,
  digestString,
  hexEncode,
  sha256,
  sha256Digest,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import { ed25519Signer, type KeyText, publicKeyOf, type Signer } from '@sealroom/cose';
import { ledgerEntry, PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';
import {
  buildManifest,
  type Contract,
  contractSalt,
  createMessage,
  createStatement,
  encodeContract,
  encodeManifest,
  type MessageName,
  type MessageOf,
  type PayloadOf,
  releaseInfo,
  roomBinding,
  signPayload,
} from './index.ts';

const ORIGIN = 'ledger.example/vectors';
const NOW = Date.parse('2026-11-22T10:00:00Z');

/** 32 secret bytes, all the same. */
const secretOf = (byte: number): Bytes => new Uint8Array(32).fill(byte);
const saltOf = (byte: number): string => base64urlEncode(new Uint8Array(16).fill(byte));
const digestOf = (byte: number): Digest => digestString(secretOf(byte));

const SECRETS = {
  ownerRoot: 1,
  ownerIdentity: 2,
  ownerReceiving: 3,
  stewardRoot: 4,
  stewardIdentity: 5,
  ownerVault: 7,
  stewardVault: 8,
  ledger: 9,
  simulator: 10,
  roomSign: 11,
  roomReceive: 12,
} as const;
type Name = keyof typeof SECRETS;

const signerOf = (name: Name): Promise<Signer> => ed25519Signer(secretOf(SECRETS[name]));
const receiverOf = (name: Name): Promise<KeyText> => publicKeyOf('X25519', secretOf(SECRETS[name]));

async function draft(): Promise<Contract> {
  const [owner, steward] = [await signerOf('ownerRoot'), await signerOf('stewardRoot')];
  const uses = ['contract', 'publish', 'request', 'approve', 'suspend'] as const;
  const keys = async (name: Name) => [{ kid: (await signerOf(name)).kid, uses: [...uses] }];
  const vault = async (org: Digest, name: Name, url: string) => ({
    org,
    url,
    key: (await signerOf(name)).key,
    keks: [digestOf(SECRETS[name])],
    custody: 'own' as const,
  });
  return {
    v: 1,
    version: 1,
    first: null,
    project: 'vectors',
    salt: saltOf(0x20),
    purpose: 'model validation',
    jurisdiction: 'EU',
    notBefore: '2026-11-01T00:00:00Z',
    notAfter: '2027-11-01T00:00:00Z',
    participants: [
      { org: owner.kid, root: owner.key, role: 'algorithm-owner', keys: await keys('ownerIdentity') },
      { org: steward.kid, root: steward.key, role: 'data-steward', keys: await keys('stewardIdentity') },
    ],
    datasets: [
      {
        digest: digestOf(0xd0),
        steward: steward.kid,
        specification: digestOf(0xd1),
        attestation: digestOf(0xd2),
        sensitivity: 'test',
        access: 'staged',
      },
    ],
    algorithms: [
      { package: digestOf(0xa0), image: null, base: 'host', owner: owner.kid, mode: 'validation' },
    ],
    criteria: digestOf(0xc0),
    parameters: { ITERATIONS: { type: 'integer', minimum: 1, maximum: 100 } },
    room: {
      accept: [
        {
          technology: 'simulated',
          keys: [(await signerOf('simulator')).key],
          launch: [digestOf(0xe0)],
          hostData: 'manifest',
        },
      ],
      isolation: 'process',
      network: 'none',
      maxVcpu: 2,
      maxMemoryGiB: 4,
      maxMinutes: 30,
    },
    output: {
      recipients: [{ org: owner.kid, key: await receiverOf('ownerReceiving') }],
      maxBytes: 4096,
      maxBits: 512,
      classes: ['report'],
      logs: 'status',
      release: 'automatic',
      timing: 'at-once',
    },
    quota: { runs: 10, attemptsPerRun: 1 },
    ledger: { origin: ORIGIN, key: (await signerOf('ledger')).key, witnesses: [], maxAgeSeconds: 60 },
    vaults: [
      await vault(owner.kid, 'ownerVault', 'https://vault.owner.example'),
      await vault(steward.kid, 'stewardVault', 'https://vault.steward.example'),
    ],
  };
}

async function signed(
  payload: string,
  cose: Bytes,
  key: Uint8Array,
): Promise<{ payload: string; digest: Digest; cose: string; coseDigest: Digest; entry: string }> {
  return {
    payload,
    digest: await sha256Digest(utf8Encode(payload)),
    cose: hexEncode(cose),
    coseDigest: await sha256Digest(cose),
    entry: hexEncode(await ledgerEntry(key, cose)),
  };
}

async function requestAndApproval(contract: Contract, digest: Digest) {
  const [owner, steward] = contract.participants;
  if (!owner || !steward) throw new Error('The contract has two participants.');
  const request: PayloadOf<'run.requested'> = {
    salt: saltOf(0x21),
    contract: digest,
    contracts: [digest],
    project: contract.project,
    runConfiguration: 'rc-1',
    datasets: contract.datasets.map((item) => item.digest),
    algorithm: contract.algorithms[0]?.package ?? digest,
    criteria: contract.criteria,
    parameters: { ITERATIONS: 7 },
    vcpu: 1,
    memoryGiB: 1,
  };
  const run = await sha256Digest(utf8Encode(canonicalJson(request)));
  const approval: PayloadOf<'run.approved'> = {
    salt: saltOf(0x22),
    contract: digest,
    run,
    org: steward.org,
  };
  return { owner, steward, request, run, approval };
}

/** Keys, a registration, a contract and what the parties sign about it. */
export async function makeStatements() {
  const contract = await draft();
  const bytes = encodeContract(contract);
  const digest = await sha256Digest(bytes);
  const subject = await subjectKey(contractSalt(contract));
  const { owner, steward, request, approval } = await requestAndApproval(contract, digest);
  const at = { origin: ORIGIN, now: NOW };
  const root = await signerOf('ownerRoot');
  const identity = { owner: await signerOf('ownerIdentity'), steward: await signerOf('stewardIdentity') };
  const registration: PayloadOf<'participant.registered'> = {
    salt: saltOf(0x23),
    root: root.key,
    domain: 'owner.example',
    vaults: [],
    prev: null,
  };
  const registered = await createStatement(root, {
    type: 'participant.registered',
    payload: registration,
    iss: root.kid,
    ...at,
  });
  const offer = await signPayload(identity.owner, { type: 'contract.signed', bytes, iss: owner.org, ...at });
  const requested = await createStatement(identity.owner, {
    type: 'run.requested',
    payload: request,
    iss: owner.org,
    ...at,
  });
  const approved = await createStatement(identity.steward, {
    type: 'run.approved',
    payload: approval,
    iss: steward.org,
    ...at,
  });
  return {
    secrets: Object.fromEntries(
      Object.entries(SECRETS).map(([name, byte]) => [name, hexEncode(secretOf(byte))]),
    ),
    keys: { ownerRoot: root.key, ownerReceiving: await receiverOf('ownerReceiving') },
    thumbprints: { ownerRoot: root.kid, ownerIdentity: identity.owner.kid },
    subjectKey: hexEncode(subject),
    statements: {
      'participant.registered': await signed(canonicalJson(registration), registered, PUBLIC_SUBJECT_KEY),
      'contract.signed': await signed(utf8Decode(bytes), offer, subject),
      'run.requested': await signed(canonicalJson(request), requested, subject),
      'run.approved': await signed(canonicalJson(approval), approved, subject),
    },
  };
}

/** The manifest of that run, what binds a room to it, and the HPKE info of a release by the steward's vault. */
export async function makeManifest() {
  const contract = await draft();
  const digest = await sha256Digest(encodeContract(contract));
  const { request, run, approval } = await requestAndApproval(contract, digest);
  const approvals = [await sha256Digest(utf8Encode(canonicalJson(approval)))];
  const manifest = encodeManifest(await buildManifest(run, request, approvals, 'simulated'));
  const manifestHash = await sha256(manifest);
  const room = { sign: (await signerOf('roomSign')).key, receive: await receiverOf('roomReceive') };
  const vaults = [await signerOf('stewardVault'), await signerOf('ownerVault')];
  const nonces = vaults.map(({ kid }, at) => ({ vault: kid, nonce: base64urlEncode(secretOf(0x40 + at)) }));
  const vaultKey = vaults[0]?.key ?? '';
  return {
    manifest: utf8Decode(manifest),
    manifestHash: hexEncode(manifestHash),
    room,
    nonces,
    reportData: hexEncode(await roomBinding(nonces, room, manifestHash)),
    vaultKey,
    releaseInfo: hexEncode(releaseInfo(manifestHash, vaultKey)),
  };
}

/** One message of each name, all signed by the owner's identity. */
export async function makeMessages() {
  const signer = await signerOf('ownerIdentity');
  const bytes32 = base64urlEncode(secretOf(0x50));
  const payloads: { readonly [N in MessageName]: MessageOf<N> } = {
    'session-proof': { challenge: bytes32 },
    'kek-request': { org: digestOf(0x51), project: 'vectors', role: 'algorithm-owner' },
    challenge: { nonce: bytes32, expiresAt: '2026-11-22T10:01:00Z' },
    'finish-request': {
      run: digestOf(0x52),
      manifest: digestOf(0x53),
      outcome: 'completed',
      bits: 64,
      bytes: 4096,
    },
    'room-event': { run: digestOf(0x52), sequence: 0, stage: 'Run Initiated', detail: null },
    'room-upload': {
      run: digestOf(0x52),
      sealed: digestOf(0x54),
      envelope: digestOf(0x55),
      statement: digestOf(0x56),
    },
    'node-enrolment': {
      code: 'once',
      name: 'node',
      key: signer.key,
      simulator: signer.key,
      launch: digestOf(0xe0),
      isolation: 'process',
      maxVcpu: 2,
      maxMemoryGiB: 4,
    },
    'node-request': {
      method: 'POST',
      path: '/v1/node/work',
      body: digestOf(0x57),
      nonce: saltOf(0x58),
      at: '2026-11-22T10:00:00Z',
    },
  };
  const audience = 'https://hub.example';
  const made: { name: string; payload: string; cose: string }[] = [];
  for (const name of Object.keys(payloads) as MessageName[]) {
    const payload = payloads[name];
    const cose = await createMessage(signer, { name, payload, audience, now: NOW });
    made.push({ name, payload: canonicalJson(payload), cose: hexEncode(cose) });
  }
  return { key: signer.key, audience, messages: made };
}

/** Evidence of the simulated vendor for the room of {@link makeManifest}. */
export async function makeEvidence() {
  const { manifestHash, reportData } = await makeManifest();
  const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
  const signer = await signerOf('simulator');
  const report = { launch: digestOf(0xe0), hostData: bytes(manifestHash), reportData: bytes(reportData) };
  const { technology, body } = await simulatedEvidence(signer, { ...report, debug: false }, NOW / 1000);
  const { envelope } = parseSimulatedEvidence(base64urlDecode(body));
  return {
    key: signer.key,
    launch: report.launch,
    hostData: manifestHash,
    reportData,
    payload: utf8Decode(envelope.payload),
    evidence: { technology, body },
  };
}
