// Family receipts: evidence of simulated rooms, receipt files, and statements that are to stand in the record.
import {
  base64urlDecode,
  type Bytes,
  bytesEqual,
  canonicalBytes,
  type Digest,
  hexDecode,
  parseCanonical,
  utf8Encode,
} from '@sealroom/bytes';
import { appraiseEvidence, roomPolicy, parseSimulatedEvidence, verifySimulated } from '@sealroom/attest';
import { ClientError, verifyAppended, verifyRecorded } from '@sealroom/client';
import {
  admitStatement,
  applyStatement,
  createRecord,
  encodeReceipt,
  type LedgerRecord,
  parseReceipt,
  parseTrust,
  placeStatements,
  readStatement,
  selectReceiptStatements,
  verifyReceipt,
} from '@sealroom/contract';
import { CoseError, decodeSign1, type KeyText, sign1, type Signer } from '@sealroom/cose';
import {
  announceKeks,
  approveRun,
  createWorld,
  draftContract,
  memoryBook,
  openRoom,
  publishAssets,
  requestRun,
  reserveRun,
  signContract,
  stopContract,
} from '@sealroom/testkit/world';
import { parseSimulatedReport } from '../../packages/attest/src/simulated/parse.ts';
import { Random } from '../engine/random.ts';
import { expect, type Family, judge, judgeAsync, type Target } from '../engine/target.ts';
import { ADMIT_STATEMENT, attest, contract } from './codes.ts';
import { DOCUMENT_WORDS, receiptStatements, receiptVectors, texts, vector } from './genuine.ts';

const CHEAT_ORIGIN = 'ledger.example/cheats';

type Evidence = {
  readonly made: {
    readonly key: KeyText;
    readonly launch: Digest;
    readonly hostData: string;
    readonly reportData: string;
    readonly payload: string;
    readonly evidence: { readonly technology: 'simulated'; readonly body: string };
  };
};

const reportTarget = (payload: string): Target => ({
  name: 'attest.parseSimulatedReport',
  covers: ['attest/parseSimulatedReport'],
  form: 'json',
  seeds: texts(payload),
  words: DOCUMENT_WORDS,
  run: (input) =>
    judge(
      attest('attest/malformed'),
      () => parseSimulatedReport(input),
      ({ v, debug, launch, hostData, reportData }) => {
        const texted = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
        const again = canonicalBytes({
          v,
          debug,
          launch,
          hostData: texted(hostData),
          reportData: texted(reportData),
        });
        expect(bytesEqual(again, input), 'round-trip', 'It writes other bytes.');
      },
    ),
});

const evidenceTarget = ({ made }: Evidence): Target => {
  const genuine = base64urlDecode(made.evidence.body);
  const accept = [
    {
      technology: 'simulated' as const,
      keys: [made.key],
      launch: [made.launch],
      hostData: 'manifest' as const,
    },
  ];
  const binding = { reportData: hexDecode(made.reportData), hostData: hexDecode(made.hostData) };
  return {
    name: 'attest.verifySimulated',
    covers: ['attest/verifySimulated', 'attest/parseSimulatedEvidence', 'attest/appraiseEvidence'],
    form: 'cbor',
    seeds: [genuine],
    words: DOCUMENT_WORDS,
    run: async (input) => {
      judge(
        attest('attest/malformed'),
        () => parseSimulatedEvidence(input),
        () => undefined,
      );
      const outcome = await judgeAsync(
        attest('attest/malformed', 'attest/untrusted-signer', 'attest/bad-signature'),
        () => verifySimulated(input, [made.key]),
        () => expect(bytesEqual(input, genuine), 'false-accept', 'Evidence verifies that nobody signed.'),
      );
      const { verdict } = await appraiseEvidence(
        { technology: 'simulated', body: Buffer.from(input).toString('base64url') },
        roomPolicy(accept),
        { binding },
      );
      expect(
        (verdict === 'affirmed') === bytesEqual(input, genuine),
        'false-accept',
        'Evidence is affirmed that nobody signed, or genuine one is not.',
      );
      return outcome;
    },
  };
};

const receiptTarget = (receipt: string): Target => ({
  name: 'contract.parseReceipt',
  covers: ['contract/parseReceipt', 'contract/placeStatements'],
  form: 'json',
  seeds: texts(receipt),
  words: DOCUMENT_WORDS,
  run: async (input) => {
    const outcome = judge(
      contract('receipt/malformed'),
      () => parseReceipt(input),
      ({ checkpoint, manifest, evidence, challenges, answers, statements }) =>
        expect(
          bytesEqual(
            encodeReceipt({ checkpoint, manifest, evidence, challenges, answers, statements }),
            input,
          ),
          'round-trip',
          'It writes other bytes.',
        ),
    );
    if (!outcome.accepted) return outcome;
    const file = parseReceipt(input);
    return judgeAsync(
      contract(...ADMIT_STATEMENT, 'receipt/incomplete'),
      async () => selectReceiptStatements(await placeStatements(file.statements), file.manifest.run),
      () => 'selects',
    );
  },
});

const RECEIPT_CODES = [
  'malformed',
  'checkpoint',
  'inclusion',
  'statement',
  'unused',
  'incomplete',
  'manifest',
  'challenge',
  'evidence',
  'answer',
  'room',
  'contract',
  'outcome',
  'pins-ledger',
  'pins-organisation',
  'pins-simulator',
] as const;

function verifyTarget(receipt: string, trust: string, pinned: boolean): Target {
  const genuine = utf8Encode(receipt);
  const pins = parseTrust(utf8Encode(trust));
  return {
    name: pinned ? 'contract.verifyReceipt(pinned)' : 'contract.verifyReceipt',
    covers: ['contract/verifyReceipt', 'contract/checkPins', 'contract/checkTerms'],
    form: 'json',
    seeds: [genuine],
    words: DOCUMENT_WORDS,
    turn: 4,
    run: (input) =>
      judgeAsync(
        contract(...RECEIPT_CODES.map((code) => `receipt/${code}` as const)),
        () => verifyReceipt(input, pinned ? pins : undefined),
        () => expect(bytesEqual(input, genuine), 'false-accept', 'A receipt passes that nobody made.'),
      ),
  };
}

/** The receipt's statements folded as far as each goes: where a changed one is asked about. */
async function recordsOf(statements: readonly Bytes[], origin: string): Promise<LedgerRecord[]> {
  const records: LedgerRecord[] = [createRecord(origin)];
  let last = createRecord(origin);
  for (const [index, bytes] of statements.entries()) {
    last = structuredClone(last);
    await applyStatement(last, await admitStatement(last, bytes), index);
    records.push(last);
  }
  return records;
}

/** The first byte chooses the record; the rest is the statement. Nobody can have signed another. */
function admitTarget(records: readonly LedgerRecord[], statements: readonly Bytes[]): Target {
  const seeds = statements.map((bytes, at) => Uint8Array.of(at, ...bytes));
  return {
    name: 'contract.admitStatement',
    covers: ['contract/admitStatement', 'contract/checkState'],
    form: 'bytes',
    seeds,
    words: DOCUMENT_WORDS,
    run: (input) => {
      const record = records[(input[0] ?? 0) % records.length] ?? createRecord('');
      const statement = input.subarray(1);
      return judgeAsync(
        contract(...ADMIT_STATEMENT),
        () => admitStatement(record, statement),
        ({ statement: { type } }) => {
          expect(
            statements.some((bytes) => bytesEqual(bytes, statement)),
            'false-accept',
            'A statement is admitted that nobody signed.',
          );
          return type;
        },
      );
    },
  };
}

type Cheats = {
  readonly records: readonly LedgerRecord[];
  readonly statements: readonly Bytes[];
  readonly signers: ReadonlyMap<Digest, Signer>;
};

/** Chance as the seed has it, while a world is made: its keys and salts are then the same each time. */
async function withSeed<T>(seed: number, work: () => Promise<T>): Promise<T> {
  const random = new Random(seed);
  const own = crypto.getRandomValues.bind(crypto);
  const fill = <V extends ArrayBufferView | null>(view: V): V => {
    if (view instanceof Uint8Array) view.set(random.bytes(view.length));
    return view;
  };
  Object.defineProperty(crypto, 'getRandomValues', { value: fill, configurable: true });
  try {
    return await work();
  } finally {
    Object.defineProperty(crypto, 'getRandomValues', { value: own, configurable: true });
  }
}

/** A story of two parties up to an approved and reserved run, whose keys are all at hand. */
async function cheatWorld(): Promise<Cheats> {
  return withSeed(7, async () => {
    const now = Date.parse('2026-11-22T10:00:00Z');
    const world = await createWorld({ book: memoryBook(CHEAT_ORIGIN), origin: CHEAT_ORIGIN, now });
    await announceKeks(world);
    const contract = await signContract(world, draftContract(world, await publishAssets(world)));
    const run = await requestRun(world, contract);
    await approveRun(world, run);
    await reserveRun(world, run, await openRoom(), 'steward');
    await stopContract(world, contract, world.steward, 'contract.suspended');
    const { steward, owner, vaultSigners } = world;
    const all = [steward.root, steward.identity, owner.root, owner.identity, ...vaultSigners];
    return {
      records: await recordsOf(world.said, CHEAT_ORIGIN),
      statements: world.said,
      signers: new Map(all.map((signer) => [signer.kid, signer])),
    };
  });
}

/** Statements changed and then signed again by whoever they name: parties that cheat with their own keys. */
function cheatTarget({ records, statements, signers }: Cheats): Target {
  return {
    name: 'contract.applyStatement(signed)',
    covers: ['contract/admitStatement'],
    form: 'cbor',
    seeds: statements,
    words: DOCUMENT_WORDS,
    turn: 8,
    run: async (input) => {
      const signed = await signAgain(input, signers);
      if (signed === undefined) return { accepted: false, note: 'cannot be signed' };
      const notes: string[] = [];
      for (const record of records.slice(-14)) {
        const outcome = await judgeAsync(
          contract(...ADMIT_STATEMENT),
          () => admitStatement(record, signed),
          async (admitted) => {
            const changed = structuredClone(record);
            await applyStatement(changed, admitted, 1000);
            expect(
              changed.seen.has(admitted.statement.digest),
              'round-trip',
              'It was folded in and is not there.',
            );
            return admitted.statement.type;
          },
        );
        if (outcome.accepted) return outcome;
        notes.push(outcome.note);
      }
      return { accepted: false, note: notes.at(-1) ?? '' };
    },
  };
}

async function signAgain(
  input: Uint8Array,
  signers: ReadonlyMap<Digest, Signer>,
): Promise<Bytes | undefined> {
  try {
    const { kid, contentType, claims, payload } = decodeSign1(input);
    const signer = signers.get(kid) ?? [...signers.values()][(payload[3] ?? 0) % signers.size];
    return signer && (await sign1(signer, { contentType, claims, payload }));
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}

type Recorded = { readonly cose: string; readonly index: number; readonly proof: string };

/** What a hub says is in the ledger: only genuine statements at their places may pass. */
function recordedTarget(ledger: { origin: string; key: KeyText }, recorded: readonly Recorded[]): Target {
  const known = new Map(recorded.map(({ cose, index }) => [cose, index]));
  return {
    name: 'client.verifyRecorded',
    covers: ['client/verifyRecorded', 'client/verifyAppended'],
    form: 'json',
    seeds: [canonicalBytes(recorded.slice(0, 3)), canonicalBytes(recorded.slice(0, 1))],
    words: DOCUMENT_WORDS,
    turn: 8,
    run: async (input) => {
      let list: Recorded[];
      try {
        // As `call` hands it over: of the right shape, and base64url where that is asked for.
        const parsed = parseCanonical(input);
        if (!Array.isArray(parsed)) return { accepted: false, note: 'no list' };
        list = parsed.filter((item): item is Recorded => {
          const { cose, index, proof } = item as Partial<Recorded>;
          if (typeof cose !== 'string' || !Number.isSafeInteger(index) || typeof proof !== 'string')
            return false;
          base64urlDecode(cose);
          return true;
        });
      } catch {
        return { accepted: false, note: 'no shape' };
      }
      const [first] = list;
      if (first) {
        await judgeAsync(
          [[ClientError, ['client/not-proved']]],
          () => verifyAppended(ledger, base64urlDecode(first.cose), first),
          () =>
            expect(known.get(first.cose) === first.index, 'false-accept', 'A place is proved that is none.'),
        );
      }
      return judgeAsync(
        [[ClientError, ['client/not-proved']]],
        () => verifyRecorded(ledger, list),
        ({ statements }) => {
          // The same statement twice counts once, at the place that is proved.
          const all = statements.every(
            ({ statement, index }) => known.get(Buffer.from(statement.bytes).toString('base64url')) === index,
          );
          expect(all, 'false-accept', 'A statement passes at a place that is not its own.');
          return String(statements.length);
        },
      );
    },
  };
}

export async function receiptsFamily(): Promise<Family> {
  const evidence = vector<Evidence>('attest/simulated.json');
  const { receipt, trust } = receiptVectors();
  const statements = receiptStatements().map(({ cose }) => base64urlDecode(cose));
  const [first] = statements;
  const origin = first ? (await readStatement(first)).claims.aud : '';
  const records = await recordsOf(statements, origin);
  const cheats = await cheatWorld();
  const file = parseReceipt(utf8Encode(receipt));
  const pins = parseTrust(utf8Encode(trust));
  const recorded = file.statements.map(({ cose, index, path }) => ({
    cose,
    index,
    proof: [
      'c2sp.org/tlog-proof@v1',
      `index ${index}`,
      ...path.map((hash) => Buffer.from(hash, 'base64url').toString('base64')),
      '',
      file.checkpoint,
    ].join('\n'),
  }));
  return {
    name: 'receipts',
    targets: [
      reportTarget(evidence.made.payload),
      evidenceTarget(evidence),
      receiptTarget(receipt),
      verifyTarget(receipt, trust, false),
      verifyTarget(receipt, trust, true),
      admitTarget(records, statements),
      cheatTarget(cheats),
      recordedTarget({ origin: pins.ledger.origin, key: pins.ledger.key }, recorded),
    ],
  };
}
