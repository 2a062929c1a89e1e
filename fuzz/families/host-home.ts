// Targets for files and words of the command line, and rows of a vault.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesEqual, canonicalJson, type Digest, hexDecode, parseStrictJson } from '@sealroom/bytes';
import { CliError } from '../../apps/cli/src/error.ts';
import { parseIdentityFile, unlock } from '../../apps/cli/src/home/identity-file.ts';
import { readPins } from '../../apps/cli/src/home/pins.ts';
import { formatRecoveryCode, parseRecoveryCode } from '../../apps/cli/src/home/recovery-code.ts';
import { readSettings, sessionFile } from '../../apps/cli/src/home/settings.ts';
import { readBegunFile, readUploadFile, readVersionFile } from '../../apps/cli/src/seal/version-file.ts';
import { layoutOf, parseVaults, readState } from '../../apps/cli/src/up/layout.ts';
import { openSecret, sealSecret } from '../../apps/vault/src/keys/sealing.ts';
import { expect, judge, judgeAsync, type Outcome, type Refusals, type Target } from '../engine/target.ts';
import { DOCUMENT_WORDS, texts } from './genuine.ts';
import { refusals, textOf } from './host-text.ts';

const cli = (...codes: readonly string[]): Refusals => [[CliError, codes]];

export const PASSPHRASE = 'correct horse';

export const COST = { memoryKiB: 19_456, passes: 1, lanes: 1 };

/** Unlocking costs an Argon2 each time, so parsing is tried apart. Memory in a file is bounded by its schema. */
export function identityTargets(genuine: string): Target[] {
  const file = parseIdentityFile(Buffer.from(genuine), 'x');
  const kept = canonicalJson(file);
  return [
    {
      name: 'cli.parseIdentityFile',
      covers: ['cli/parseIdentityFile'],
      form: 'json',
      seeds: texts(genuine, kept),
      words: ['"locks"', '"passphrase"', '"recovery-code"', '"memoryKiB"', '"receiving":null'],
      run: (input) =>
        judge(
          cli('cli/bad-file'),
          () => parseIdentityFile(input, 'x'),
          (found) =>
            expect(
              canonicalJson(found) === canonicalJson(parseStrictJson(input)),
              'round-trip',
              'It is not what the text says.',
            ),
        ),
    },
    {
      name: 'cli.unlock',
      covers: ['cli/unlock'],
      form: 'json',
      seeds: texts(kept),
      turn: 1,
      run: async (input) => {
        const parsed = judge(
          cli('cli/bad-file'),
          () => parseIdentityFile(input, 'x'),
          () => undefined,
        );
        if (!parsed.accepted) return parsed;
        const found = parseIdentityFile(input, 'x');
        // What a changed file asks for in memory and passes is bounded by its schema; here only what is quick.
        if (
          found.locks.some((lock) => lock.by === 'passphrase' && (lock.memoryKiB > 40_000 || lock.passes > 2))
        )
          return { accepted: false, note: 'dear' };
        return judgeAsync(
          cli('cli/locked', 'cli/bad-file'),
          () => unlock(found, PASSPHRASE),
          ({ signer }) =>
            expect(
              signer.key === file.key && found.kid === file.kid && found.receiving === file.receiving,
              'false-accept',
              'Another key is unlocked.',
            ),
        );
      },
    },
  ];
}

export const recoveryCode: Target = {
  name: 'cli.parseRecoveryCode',
  covers: ['cli/parseRecoveryCode'],
  form: 'text',
  seeds: texts(
    formatRecoveryCode(new Uint8Array(16).fill(7)),
    formatRecoveryCode(new Uint8Array(16)),
    formatRecoveryCode(new Uint8Array(16).fill(255)),
  ),
  words: ['-', ' ', 'O', 'I', 'L', 'U', 'ı', 'ﬁ', '\u212a'],
  run: (input) =>
    judge(
      cli('cli/locked'),
      () => parseRecoveryCode(textOf(input)),
      (secret) =>
        expect(
          secret.length === 16 && bytesEqual(parseRecoveryCode(formatRecoveryCode(secret)), secret),
          'round-trip',
          'The code says something else.',
        ),
    ),
};

export const vaults: Target = {
  name: 'cli.parseVaults',
  covers: ['cli/parseVaults'],
  form: 'text',
  seeds: texts(`hospital=sha256:${'a'.repeat(64)}\nlab`, 'a'),
  words: ['=', 'sha256:', '__proto__', 'constructor', 'hospital'],
  run: (input) =>
    judge(
      cli('cli/usage'),
      () => parseVaults(textOf(input).split('\n')),
      (found) =>
        expect(
          Object.values(found).every(Array.isArray) && Object.getPrototypeOf(found) === Object.prototype,
          'false-accept',
          'A vault is none.',
        ),
    ),
};

/** The JSON files of a home, one after the other from the same text. */
export function homeTarget(folder: string): Target {
  const digest = `sha256:${'a'.repeat(64)}`;
  return {
    name: 'cli.home',
    covers: [
      'cli/readPins',
      'cli/readSettings',
      'cli/readVersionFile',
      'cli/readUploadFile',
      'cli/readBegunFile',
      'cli/readState',
    ],
    form: 'json',
    seeds: texts(
      `{"organisations":[{"at":"x","checked":"own","name":"n","org":"${digest}"}],"rooms":["${digest}"],"simulators":[],"v":1}`,
      `{"hub":"https://hub.example","org":"${digest}","v":1}`,
      `{"expiresAt":"x","hub":"https://hub.example","kid":"${digest}","org":"${digest}","token":"t","v":1}`,
      `{"assetSalt":"${'A'.repeat(43)}","bytes":1,"digest":"${digest}","files":1,"keyCommitment":"${'A'.repeat(43)}","kind":"dataset","v":1}`,
      `{"digest":"${digest}","readUrl":"https://x.example","v":1}`,
      `{"digest":"${digest}","expiresAt":"2026-11-22T10:00:00Z","hub":"https://hub.example","project":"p","readUrl":"https://x.example","v":1,"writeUrl":"https://x.example"}`,
      `{"ports":{"hub":1,"ledger":1,"postgres":1,"vaults":{"a":1}},"storeOrigins":[],"v":1,"vaults":{"a":["${digest}"]}}`,
    ),
    words: [...DOCUMENT_WORDS, '"ledger"', '"checked"'],
    turn: 4,
    run: async (input) => {
      for (const name of [
        'pins.json',
        'settings.json',
        'session.json',
        'x.json',
        'up.json',
        'x.upload.json',
        'x.upload-begun.json',
      ])
        writeFileSync(join(folder, name), input);
      const reads = [
        () => readPins(folder),
        () => readSettings(folder),
        () => sessionFile.read(folder),
        () => readVersionFile(join(folder, 'x.json')),
        () => readUploadFile(join(folder, 'x.upload.json')),
        () => readBegunFile(join(folder, 'x.upload-begun.json')),
        () => readState(layoutOf(folder)),
      ];
      const notes: Outcome[] = [];
      for (const read of reads)
        notes.push(await judgeAsync<unknown>(cli('cli/bad-file'), read, () => undefined));
      return {
        accepted: notes.some(({ accepted }) => accepted),
        note: notes.map(({ accepted }) => (accepted ? '1' : '0')).join(''),
      };
    },
  };
}

export function vaultTarget(): Target {
  const rootKey = new Uint8Array(32).fill(9);
  const name = {
    project: 'p',
    org: `sha256:${'a'.repeat(64)}` as Digest,
    role: 'data-steward' as const,
    kek: `sha256:${'b'.repeat(64)}` as Digest,
  };
  const genuine = new Uint8Array(sealSecret(rootKey, name, hexDecode('00112233')));
  return {
    name: 'vault.openSecret',
    covers: ['vault/openSecret'],
    form: 'bytes',
    seeds: [genuine],
    run: (input) =>
      judge(
        refusals('vault/root-key'),
        () => openSecret(rootKey, name, input),
        () =>
          expect(bytesEqual(input, genuine), 'false-accept', 'A row opens that this vault did not write.'),
      ),
  };
}
