// What becomes of every file of the shared vectors that concern ledger, COSE and sealing: which test runs it, or why none
// does. A file that is not listed fails, as does a listed one that is gone, that holds another number of cases, or whose test
// does not name it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedVectors } from './index.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** `path` is a file, or a folder with its whole content when it ends in `/`; `cases` counts a file of the folder as one. */
type Entry = {
  readonly path: string;
  readonly cases: number;
  /** The tests that run it, each with the words by which its source names the file. */
  readonly by?: readonly (readonly [file: string, words: string])[];
  /** Why no test runs it. */
  readonly unused?: string;
};

const COSE_WG = 'packages/cose/src/cose-wg.test.ts';
const SCITT = 'packages/cose/src/scitt.test.ts';
const COSE_WYCHEPROOF = 'packages/cose/src/wycheproof.test.ts';
const SEAL_WYCHEPROOF = 'packages/seal/src/wycheproof.test.ts';
const FOREIGN = 'packages/tlog/src/foreign-receipt.test.ts';
const JWT = 'packages/attest/src/jwt/jwt.test.ts';
const PROOF = 'packages/tlog/src/proof.test.ts';
const TILE = 'packages/tlog/src/tile.test.ts';

const TEXT = 'words about the vectors, not a vector';
const NO_ENCRYPTION =
  'COSE_Encrypt and COSE_Encrypt0: what is encrypted is sealed files and HPKE; no reader exists';
const NO_MAC = 'COSE_Mac and COSE_Mac0: nothing is authenticated by a shared key; no reader exists';
const OTHER_PROJECT = 'a format of that project alone';

const wycheproof = (name: string, cases: number, ...tests: string[]): Entry => ({
  path: `wycheproof/${name}_test.json`,
  cases,
  by: tests.map((file) => [file, `${name}_test.json`] as const),
});
const unused = (path: string, cases: number, reason: string): Entry => ({ path, cases, unused: reason });
const run = (path: string, cases: number, file: string, words: string): Entry => ({
  path,
  cases,
  by: [[file, words]],
});

const examples = (folder: string, names: string[], entry: (path: string) => Entry): Entry[] =>
  names.map((name) => entry(`cose/cose-wg/${folder}/${name}.json`));
const signed = (path: string): Entry => run(path, 1, COSE_WG, "'cose-wg'");
const encrypted = (path: string): Entry => unused(path, 1, NO_ENCRYPTION);
const authenticated = (path: string): Entry => unused(path, 1, NO_MAC);

const LIST: readonly Entry[] = [
  unused('tink/README.md', 1, TEXT),
  run(
    'tink/aes_gcm_hkdf_streaming.json',
    8,
    'packages/seal/src/stream.test.ts',
    'aes_gcm_hkdf_streaming.json',
  ),
  unused(
    'tink/aes_ctr_hmac_streaming.json',
    6,
    'files are sealed with AES-GCM-HKDF only; nothing reads AES-CTR-HMAC',
  ),
  unused('bkenc/README.md', 1, TEXT),
  run('bkenc/bkenc.json', 14, 'packages/seal/src/bkenc.test.ts', 'bkenc.json'),

  unused('wycheproof/README.md', 1, TEXT),
  unused('wycheproof/LICENSE', 1, TEXT),
  wycheproof('aes_gcm', 316, SEAL_WYCHEPROOF, 'packages/host/src/sealing/wycheproof.test.ts'),
  wycheproof('rsa_oaep_2048_sha256_mgf1sha256', 37, SEAL_WYCHEPROOF),
  wycheproof('rsa_oaep_3072_sha256_mgf1sha256', 37, SEAL_WYCHEPROOF),
  wycheproof('rsa_oaep_4096_sha256_mgf1sha256', 37, SEAL_WYCHEPROOF),
  // Refused as every key of 2048 bits is. The reader of SHA-1 wrapped keys is not built (docs/protocol.md section 10).
  wycheproof('rsa_oaep_2048_sha1_mgf1sha1', 36, SEAL_WYCHEPROOF),
  wycheproof('rsa_oaep_misc', 395, SEAL_WYCHEPROOF),
  wycheproof('rsa_pss_4096_sha256_mgf1_32', 108, COSE_WYCHEPROOF),
  wycheproof('hkdf_sha256', 86, SEAL_WYCHEPROOF),
  wycheproof('hkdf_sha512', 83, SEAL_WYCHEPROOF),
  wycheproof('hmac_sha256', 174, 'packages/tlog/src/entry.test.ts', 'apps/ledger/src/edge.test.ts'),
  wycheproof('pbkdf2_hmacsha256', 60, SEAL_WYCHEPROOF),
  wycheproof('ecdsa_secp256r1_sha256_p1363', 262, COSE_WYCHEPROOF),
  wycheproof('ecdsa_secp384r1_sha384_p1363', 280, COSE_WYCHEPROOF),
  wycheproof('ed25519', 151, COSE_WYCHEPROOF),
  wycheproof('x25519', 518, SEAL_WYCHEPROOF, COSE_WYCHEPROOF),
  unused('wycheproof/ecdh_secp256r1_webcrypto_test.json', 353, 'keys are agreed on with X25519 only (HPKE)'),
  wycheproof('json_web_signature', 401, JWT),
  wycheproof('json_web_key', 26, JWT),
  unused('wycheproof/mlkem_768_test.json', 193, 'no post-quantum key encapsulation is used'),

  unused('merkle/README.md', 1, TEXT),
  unused('merkle/transparency-dev/LICENSE', 1, TEXT),
  run('merkle/transparency-dev/testdata/inclusion/', 98, PROOF, 'inclusion: 98'),
  run('merkle/transparency-dev/testdata/consistency/', 98, PROOF, 'consistency: 98'),
  run('merkle/transparency-dev/testdata/subtreeinclusion/', 204, PROOF, 'subtreeinclusion: 204'),
  run('merkle/transparency-dev/testdata/subtreeconsistency/', 118, PROOF, 'subtreeconsistency: 118'),
  unused('merkle/tessera-log/LICENSE', 1, TEXT),
  unused('merkle/tessera-log/testdata/log/.state/', 4, 'Tessera’s own state, which no reader of a log sees'),
  ...['', ...Array.from({ length: 16 }, (_, size) => `.${size}`)].map((size) =>
    run(`merkle/tessera-log/testdata/log/checkpoint${size}`, 1, TILE, "'tessera-log'"),
  ),
  run('merkle/tessera-log/testdata/log/tile/', 30, TILE, "'tessera-log'"),

  unused('cose/README.md', 1, TEXT),
  unused('cose/cose-wg/LICENSE', 1, TEXT),
  unused('cose/cose-wg/README.md', 1, TEXT),
  unused('cose/cose-wg/KeySet.txt', 1, 'the keys of the examples, which each example repeats'),
  ...examples('CWT', ['A_3'], signed),
  ...examples('CWT', ['A_4', 'A_7'], authenticated),
  ...examples('CWT', ['A_5', 'A_6'], encrypted),
  ...examples(
    'RFC8152',
    ['Appendix_C_1_1', 'Appendix_C_1_2', 'Appendix_C_1_3', 'Appendix_C_1_4', 'Appendix_C_2_1'],
    signed,
  ),
  ...examples(
    'RFC8152',
    ['Appendix_B', 'Appendix_C_3_1', 'Appendix_C_3_2', 'Appendix_C_3_3', 'Appendix_C_3_4'],
    encrypted,
  ),
  ...examples('RFC8152', ['Appendix_C_4_1', 'Appendix_C_4_2'], encrypted),
  ...examples(
    'RFC8152',
    ['Appendix_C_5_1', 'Appendix_C_5_2', 'Appendix_C_5_3', 'Appendix_C_5_4', 'Appendix_C_6_1'],
    authenticated,
  ),
  // Of messages with countersignatures the signature is verified. Nothing reads countersignatures (RFC 9338).
  ...['countersign', 'countersign1'].flatMap((folder) =>
    examples(folder, ['signed-01', 'signed-02', 'signed1-01'], signed),
  ),
  ...examples('countersign', ['signed-03', 'signed1-02'], signed),
  ...examples('countersign', ['mac-01', 'mac-02', 'mac0-01', 'mac0-02'], authenticated),
  ...examples(
    'countersign',
    ['Encrypt-01', 'Encrypt-02', 'Enveloped-01', 'Enveloped-02', 'Enveloped-03'],
    encrypted,
  ),
  ...examples('countersign1', ['mac-01', 'mac0-01'], authenticated),
  ...examples('countersign1', ['Encrypt-01', 'Enveloped-01', 'Enveloped-02'], encrypted),
  run('cose/cose-wg/ecdsa-examples/', 8, COSE_WG, "'cose-wg'"),
  run('cose/cose-wg/eddsa-examples/', 4, COSE_WG, "'cose-wg'"),
  run('cose/cose-wg/rsa-pss-examples/', 3, COSE_WG, "'cose-wg'"),
  run('cose/cose-wg/sign-tests/', 10, COSE_WG, "'cose-wg'"),
  run('cose/cose-wg/sign1-tests/', 9, COSE_WG, "'cose-wg'"),
  ...examples('x509-examples', ['signed-01', 'signed-02', 'signed-03', 'signed-04', 'signed-05'], signed),
  ...[
    'README.md',
    'alice.crt',
    'alice.der',
    'alice.key',
    'alice.template',
    'ca.crt',
    'ca.der',
    'ca.key',
    'ca.template',
  ].map((name) =>
    unused(`cose/cose-wg/x509-examples/${name}`, 1, 'how the certificates in the examples were made'),
  ),
  unused('cose/cose-wg/aes-gcm-examples/', 9, NO_ENCRYPTION),
  unused('cose/cose-wg/hkdf-hmac-sha-examples/', 28, `${NO_ENCRYPTION}; ${NO_MAC}`),
  unused('cose/cose-wg/mac0-tests/', 10, NO_MAC),

  unused('cose/scitt-ccf-ledger/LICENSE.txt', 1, TEXT),
  run('cose/scitt-ccf-ledger/test/payloads/', 7, SCITT, "'payloads'"),
  {
    path: 'cose/scitt-ccf-ledger/test/transparent_statements/uvm_0.2.10.cose',
    cases: 1,
    by: [
      [SCITT, 'uvm_0.2.10.cose'],
      [FOREIGN, 'uvm_0.2.10.cose'],
    ],
  },
  run('cose/scitt-ccf-ledger/test/transparent_statements/esrp-cts-db.json', 1, FOREIGN, 'esrp-cts-db.json'),

  unused('cose/scitt-cose/LICENSE', 1, TEXT),
  unused('cose/scitt-cose/NOTICE', 1, TEXT),
  unused('cose/scitt-cose/test-vectors/README.md', 1, TEXT),
  unused('cose/scitt-cose/test-vectors/SHA256SUMS', 1, TEXT),
  unused('cose/scitt-cose/test-vectors/manifest.json', 1, TEXT),
  unused('cose/scitt-cose/test-vectors/v1/.gitignore', 1, TEXT),
  ...[
    'fail-bad-statement-sig',
    'fail-tampered-path',
    'fail-unsupported-vds',
    'valid-ccf-vds2',
    'valid-eddsa',
    'valid-es256',
  ].map(
    (name): Entry => ({
      path: `cose/scitt-cose/test-vectors/v1/${name}/`,
      cases: 6,
      by: [
        [SCITT, "'v1'"],
        [FOREIGN, "'v1'"],
      ],
    }),
  ),
  run('cose/scitt-cose/test-vectors/tamper-states/', 8, SCITT, "'tamper-states'"),
  unused('cose/scitt-cose/test-vectors/capsule-id/', 6, OTHER_PROJECT),
  unused(
    'cose/scitt-cose/test-vectors/mmr/',
    2,
    'Merkle mountain ranges (an individual draft): no log that Sealroom reads is one',
  ),
  {
    path: 'cose/scitt-cose/interop/ccf/shared-vector.json',
    cases: 1,
    by: [
      [SCITT, 'shared-vector.json'],
      [FOREIGN, 'shared-vector.json'],
    ],
  },
  unused('cose/scitt-cose/interop/ccf/README.md', 1, TEXT),
  run('cose/scitt-cose/interop/vcp/vcp-statement.cose', 1, SCITT, 'vcp-statement.cose'),
  run('cose/scitt-cose/interop/vcp/vcp-issuer-pub.pem', 1, SCITT, 'vcp-issuer-pub.pem'),
  unused('cose/scitt-cose/interop/vcp/README.md', 1, TEXT),
  unused('cose/scitt-cose/interop/vcp/result.json', 1, TEXT),
];

const SETS = ['tink', 'bkenc', 'wycheproof', 'merkle', 'cose'];
const folders = new Map(SETS.map((set) => [set, sharedVectors(set)]));

/** The files of a set as the list writes them. */
function filesOf(set: string): string[] {
  const found = readdirSync(folders.get(set) ?? '', { recursive: true, withFileTypes: true });
  const start = join(folders.get(set) ?? '', '..', '/').length;
  return found.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name).slice(start));
}

const covers = ({ path }: Entry, file: string) =>
  path.endsWith('/') ? file.startsWith(path) : file === path;

/** Cases in a file of many, or 1. */
function casesIn(file: string): number {
  if (!/^(?:wycheproof|tink|bkenc)\/.*\.json$/.test(file)) return 1;
  const [set = '', ...rest] = file.split('/');
  const content = JSON.parse(readFileSync(join(folders.get(set) ?? '', ...rest), 'utf8')) as {
    vectors?: unknown[];
    cases?: unknown[];
    testGroups?: { tests: unknown[] }[];
  };
  const { vectors = [], cases = [], testGroups = [] } = content;
  return vectors.length + cases.length + testGroups.reduce((sum, { tests }) => sum + tests.length, 0);
}

describe.skipIf([...folders.values()].includes(undefined))(
  'the shared vectors of ledger, COSE and sealing',
  () => {
    test.each(SETS)('%s: every file is run by a test, or has a reason why none does', (set) => {
      for (const file of filesOf(set))
        expect(LIST.filter((entry) => covers(entry, file)).length, file).toBe(1);
    });

    test('what the list names is there, with its cases', () => {
      const files = SETS.flatMap(filesOf);
      for (const entry of LIST) {
        const cases = files
          .filter((file) => covers(entry, file))
          .reduce((sum, file) => sum + casesIn(file), 0);
        expect(cases, entry.path).toBe(entry.cases);
        expect(entry.by === undefined, entry.path).toBe(entry.unused !== undefined);
      }
    });

    test('the tests that it names are there and name the files', () => {
      for (const { by = [], path } of LIST) {
        for (const [file, words] of by) {
          expect(existsSync(join(ROOT, file)), file).toBe(true);
          expect(readFileSync(join(ROOT, file), 'utf8'), path).toContain(words);
        }
      }
    });
  },
);
