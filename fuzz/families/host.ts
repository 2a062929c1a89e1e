// Family host: text that a room, a node, a server or the command line reads: packages, URLs, settings, lines, files.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64urlDecode, canonicalJson, type Digest } from '@sealroom/bytes';
import { createIdentityFile, encodeIdentityFile } from '../../apps/cli/src/home/identity-file.ts';
import { nodeProofOf } from '../../apps/hub/src/nodes/rules.ts';
import { parseRoomLine } from '../../apps/node/src/lines.ts';
import { RoomError } from '../../apps/room/src/error.ts';
import { parseBoot, parseQuote } from '../../apps/room/src/lines.ts';
import { makePlan } from '../../apps/room/src/plan.ts';
import { expect, type Family, judge, judgeAsync, type Target } from '../engine/target.ts';
import { DOCUMENT_WORDS, receiptVectors, texts } from './genuine.ts';
import { partialTarget, storeTarget } from './host-disk.ts';
import {
  COST,
  homeTarget,
  identityTargets,
  PASSPHRASE,
  recoveryCode,
  vaults,
  vaultTarget,
} from './host-home.ts';
import {
  address,
  configTarget,
  dockerfile,
  entrypoint,
  refusals,
  secretFiles,
  storeUrl,
  textOf,
} from './host-text.ts';
import {
  answerTargets,
  blobTarget,
  bodyTargets,
  enclaveTarget,
  ledgerTarget,
  rangeTarget,
  reportTarget,
  requestTarget,
} from './http.ts';

const roomLine: Target = {
  name: 'node.parseRoomLine',
  covers: ['node/parseRoomLine'],
  form: 'json',
  seeds: texts(
    `{"ask":"quote","id":1,"reportData":"${'A'.repeat(43)}"}`,
    '{"done":"completed"}',
    '{"failed":"room/staging"}',
  ),
  words: ['"ask"', '"quote"', '"done"', '"failed"', '"reportData"', 'room/'],
  run: (input) => {
    const said = parseRoomLine(textOf(input));
    if (said === undefined) return { accepted: false, note: 'another form' };
    if ('ask' in said)
      expect(
        base64urlDecode(said.reportData).length === 32,
        'false-accept',
        'It asks for a quote over something else.',
      );
    return { accepted: true, note: Object.keys(said).join() };
  },
};

type Boot = Parameters<typeof makePlan>[0];

export function boot(): Boot {
  const { statements, manifest } = JSON.parse(receiptVectors().receipt) as {
    statements: { cose: string; index: number }[];
    manifest: { run: Digest; contracts: Digest[]; datasets: Digest[]; algorithms: Digest[] };
  };
  const url = 'https://store.example/c?se=1900000000&sp=r';
  const asset = (kind: 'dataset' | 'algorithm') => (digest: Digest) => ({ digest, kind, url });
  return {
    work: {
      run: manifest.run,
      project: 'project-1',
      runConfiguration: 'configuration-1',
      contracts: manifest.contracts,
      statements: statements.map(({ cose, index }) => ({ cose, index })),
      assets: [...manifest.datasets.map(asset('dataset')), ...manifest.algorithms.map(asset('algorithm'))],
      criteria: 'e30',
      uploadedAt: [],
    },
    hub: { url: 'https://hub.example' },
    ledger: { origin: 'ledger.example/vectors' },
    technology: 'simulated',
    caPem: null,
    spool: '/spool',
    storeOrigins: ['https://store.example'],
  } as Boot;
}

const bootTarget: Target = {
  name: 'room.parseBoot',
  covers: ['room/parseBoot', 'room/makePlan', 'room/parseQuote'],
  form: 'json',
  seeds: texts(canonicalJson(boot()), '{"evidence":{"body":"AA","technology":"simulated"},"id":1}'),
  words: DOCUMENT_WORDS,
  turn: 4,
  run: async (input) => {
    const text = textOf(input);
    const quote = judge(
      [[RoomError, ['room/evidence']]],
      () => parseQuote(text, 1),
      () => 'quote',
    );
    if (quote.accepted) return quote;
    const parsed = judge(
      [[RoomError, ['room/bad-boot']]],
      () => parseBoot(text),
      () => undefined,
    );
    if (!parsed.accepted) return parsed;
    const planned = await judgeAsync(
      [[RoomError, ['room/bad-boot', 'room/not-permitted']]],
      () => makePlan(parseBoot(text)),
      ({ run }) => expect(run === boot().work.run, 'false-accept', 'Another run is planned.'),
    );
    return { accepted: true, note: planned.note };
  },
};

const nodeProof: Target = {
  name: 'hub.nodeProofOf',
  covers: ['hub/nodeProofOf'],
  form: 'text',
  seeds: texts('Node AAAA', 'Bearer x', 'Node '),
  words: ['Node ', ' ', '='],
  run: (input) =>
    judge(
      refusals('hub/unknown-node'),
      () => nodeProofOf(textOf(input)),
      (found) => expect(/^[A-Za-z0-9_-]+$/.test(found), 'false-accept', 'A proof holds other letters.'),
    ),
};

export async function hostFamily(): Promise<Family> {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-fuzz-'));
  const { file } = await createIdentityFile('sealroom/identity', {
    passphrase: PASSPHRASE,
    recovery: new Uint8Array(16),
    cost: COST,
  });
  return {
    name: 'host',
    targets: [
      dockerfile,
      entrypoint,
      secretFiles,
      storeUrl,
      address,
      configTarget(folder),
      roomLine,
      bootTarget,
      rangeTarget,
      reportTarget,
      enclaveTarget(),
      requestTarget(),
      await ledgerTarget(),
      ...bodyTargets(),
      ...answerTargets(),
      blobTarget,
      storeTarget,
      await partialTarget(folder),
      ...identityTargets(encodeIdentityFile(file)),
      recoveryCode,
      vaults,
      homeTarget(folder),
      vaultTarget(),
      nodeProof,
    ],
  };
}
