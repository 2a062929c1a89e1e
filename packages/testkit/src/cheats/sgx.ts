// Enclaves of a made-up Intel, and every cheat with them. CONFIGID names the run.
import { readCollateral, technologyOf, type Entry } from '@sealroom/attest';
import { type Bytes, concat, hexEncode } from '@sealroom/bytes';
import {
  FakeIntel,
  type IntelOptions,
  type QuoteChanges,
  sgxBody,
  type SgxFields,
} from '../vendors/intel.ts';
import { tcbInfoOf } from '../vendors/intel-statements.ts';
import { intelAnswers } from '../vendors/services.ts';
import type { Bound } from '../world-hardware.ts';
import {
  type Attempt,
  changed,
  type Cheat,
  type CheatTable,
  flips,
  none,
  notEvidence,
  otherBindings,
  overwrite,
  type PlayedTechnology,
  startedForAnother,
} from './cheats.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HEADER = 48;
const SIGNATURE = HEADER + 384 + 4;
const KEY = SIGNATURE + 64;
const QE_REPORT = KEY + 64;
const QE_SIGNATURE = QE_REPORT + 384;
const AUTH_DATA = QE_SIGNATURE + 64 + 2;

/** Key separation and sharing, without which there is no CONFIGID. */
const ATTRIBUTES = '8500000000000000e700000000000000';

const told = (code: string, ...checks: readonly string[]) => checks.map((id) => `release/${code} sgx/${id}`);

function padded(bytes: Uint8Array): Bytes {
  return concat(bytes, new Uint8Array(64 - bytes.length));
}

type Machine = (
  bound: Bound,
  change?: { readonly body?: Partial<SgxFields>; readonly quote?: QuoteChanges },
) => Promise<Bytes>;

const machineOf =
  (intel: FakeIntel): Machine =>
  ({ reportData, hostData }, { body, quote } = {}) => {
    const bindings = { reportData: padded(reportData), configId: hexEncode(padded(hostData)) };
    return intel.quote(3, sgxBody({ attributes: ATTRIBUTES, ...bindings, ...body }), quote);
  };

async function entryOf(intel: FakeIntel): Promise<Entry> {
  const sgx = technologyOf('sgx');
  const good = await intel.quote(3, sgxBody({ attributes: ATTRIBUTES }));
  const { runBinding: _, ...entry } = sgx.pin(sgx.parse(good)) as Entry & { runBinding?: unknown };
  return { ...entry, configId: 'run', hostData: 'manifest' } as Entry;
}

type Said = NonNullable<Parameters<FakeIntel['collateral']>[1]>;
type Change = NonNullable<Parameters<Machine>[1]>;

const iso = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

/** Enclaves on machines of one Intel, with ways to cheat with them. */
function cheatsWith(intel: FakeIntel) {
  const prove = machineOf(intel);
  const made = (what: string, expected: readonly string[], change: Change): Cheat => ({
    what,
    told: expected,
    attempt: async ({ good }) => ({ body: await prove(good, change) }),
  });
  /** Good evidence, held against what Intel says otherwise. */
  const said = (
    what: string,
    expected: readonly string[],
    saying: () => Said | Promise<Said>,
    change: Change = {},
  ): Cheat => ({
    what,
    told: expected,
    attempt: async ({ good }): Promise<Attempt> => ({
      body: await prove(good, change),
      collateral: readCollateral(await intel.collateral('sgx', await saying())),
    }),
  });
  return { prove, made, said };
}

/** A platform under another root that is pinned too, with collateral of its own. */
async function elsewhere(
  now: number,
  {
    what,
    told: expected,
    saying = {},
    ...options
  }: IntelOptions & { what: string; told: readonly string[]; saying?: Said },
): Promise<{ readonly intel: FakeIntel; readonly cheat: Cheat }> {
  const intel = await FakeIntel.create(now, options);
  const { said } = cheatsWith(intel);
  return { intel, cheat: said(what, expected, () => saying) };
}

const SIGNED = {
  'version of the platform’s enclaves in the header': 8,
  'user data in the header': 28,
  CPUSVN: HEADER,
  MISCSELECT: HEADER + 16,
  ISVEXTPRODID: HEADER + 32,
  ATTRIBUTES: HEADER + 48,
  XFRM: HEADER + 56,
  MRENCLAVE: HEADER + 64,
  MRSIGNER: HEADER + 128,
  CONFIGID: HEADER + 192,
  ISVPRODID: HEADER + 256,
  ISVSVN: HEADER + 258,
  CONFIGSVN: HEADER + 260,
  ISVFAMILYID: HEADER + 304,
  REPORTDATA: HEADER + 320,
} as const;

const OF_ENCLAVE = {
  'MRSIGNER of the quoting enclave': QE_REPORT + 128,
  'ISVSVN of the quoting enclave': QE_REPORT + 258,
} as const;

function numbers(prove: Machine, from: number, id: string): Cheat[] {
  const rows = [
    ['r of zero', 0, 0],
    ['s of zero', 32, 0],
    ['r beyond the order', 0, 0xff],
    ['s beyond the order', 32, 0xff],
  ] as const;
  return rows.map(([what, at, value]) =>
    changed(prove, `${id}: ${what}`, told('evidence', id), (good) =>
      overwrite(good, from + at, new Uint8Array(32).fill(value)),
    ),
  );
}

const MALFORMED = told('evidence', 'malformed');

/** What is done to a quote, or said in it. */
function quoteRows(intel: FakeIntel, other: FakeIntel) {
  const { prove, made } = cheatsWith(intel);
  const { pck, pckCa, root, tcbSigning } = intel.certificates;
  return {
    'a bit flipped in a signed field': [
      ...flips(prove, SIGNED, told('evidence', 'signature')),
      ...flips(prove, { 'attestation key': KEY }, told('evidence', 'signature', 'qe-binding')),
      ...flips(prove, OF_ENCLAVE, told('evidence', 'qe-signature')),
      ...flips(
        prove,
        { 'REPORTDATA of the quoting enclave': QE_REPORT + 320 },
        told('evidence', 'qe-signature', 'qe-binding'),
      ),
      ...flips(prove, { 'data of the quoting enclave': AUTH_DATA }, told('evidence', 'qe-binding')),
    ],
    'padding in or behind the signature': none(
      'r and s fill their fields; bytes behind the quote are played as trailing ones',
    ),
    'numbers of a signature that sign nothing': [
      ...numbers(prove, SIGNATURE, 'signature'),
      ...numbers(prove, QE_SIGNATURE, 'qe-signature'),
    ],
    'another signer': [
      made('a quoting enclave that names another key', told('evidence', 'qe-binding'), {
        quote: { qeReportData: new Uint8Array(64).fill(3) },
      }),
      made('an enclave of somebody else that quotes', told('evidence', 'qe-identity'), {
        quote: { qe: { mrSigner: '8d'.repeat(32) } },
      }),
      made('a report of the enclave that an authority signed', told('evidence', 'qe-signature'), {
        quote: { qeSignedBy: 'pckCa' },
      }),
    ],
    'a leaf of another kind or name': [
      made('the signer of TCB statements as platform', told('evidence', 'pck'), {
        quote: { qeSignedBy: 'tcbSigning', chain: [tcbSigning, root] },
      }),
      made('another platform’s certificate', told('evidence', 'chain/signature', 'qe-signature'), {
        quote: { chain: [other.certificates.pck, pckCa, root] },
      }),
    ],
    'an intermediate of another kind or signer': [
      made('another root’s authority', told('evidence', 'chain/signature'), {
        quote: { chain: [pck, other.certificates.pckCa, root] },
      }),
      made('the signer of TCB statements', told('evidence', 'chain/no-path'), {
        quote: { chain: [pck, tcbSigning, root] },
      }),
    ],
    debug: [made('DEBUG', told('debug', 'debug'), { body: { attributes: `87${ATTRIBUTES.slice(2)}` } })],
    'other code': [
      made('another MRENCLAVE', told('code', 'enclave'), { body: { mrEnclave: '12'.repeat(32) } }),
    ],
    'another configuration': [
      made('the provisioning key', told('configuration', 'attributes'), {
        body: { attributes: `95${ATTRIBUTES.slice(2)}` },
      }),
      made('without KSS', told('configuration', 'attributes/required'), {
        body: { attributes: `05${ATTRIBUTES.slice(2)}` },
      }),
      made('another XFRM', told('configuration', 'xfrm'), {
        body: { attributes: `${ATTRIBUTES.slice(0, 16)}0300000000000000` },
      }),
      made('another MISCSELECT', told('configuration', 'miscselect'), { body: { miscSelect: '01000000' } }),
    ],
    'an unknown version': [2, 4, 5, 6].map((version) =>
      changed(prove, `version ${version}`, MALFORMED, (good) =>
        overwrite(good, 0, new Uint8Array([version])),
      ),
    ),
    'trailing bytes': [
      changed(prove, 'one', MALFORMED, (good) => concat(good, new Uint8Array([1]))),
      changed(prove, 'behind zeros', MALFORMED, (good) =>
        concat(good, new Uint8Array(64), new Uint8Array([1])),
      ),
    ],
    ...notEvidence('sgx', prove),
    ...otherBindings('sgx', prove, 'field'),
    'started for another run': [startedForAnother('sgx', prove)],
  } satisfies Partial<CheatTable>;
}

/** What Intel says, or does not. */
function collateralRows(intel: FakeIntel, now: number) {
  const { said } = cheatsWith(intel);
  const window = (issueDate: number, nextUpdate: number) => ({
    issueDate: iso(issueDate),
    nextUpdate: iso(nextUpdate),
  });
  const list = async (of: 'root' | 'pckCa', dates: Parameters<FakeIntel['crl']>[1]): Promise<Said> => ({
    files: { [of === 'root' ? 'root.crl' : 'pck.crl']: await intel.crl(of, dates) },
  });
  const unchecked = told('revocation', 'revocation/unchecked');
  /** Without Intel's statements there is no status of the platform. */
  const unrated = told('tcb', 'tcb/status');
  const rootUnchecked = [
    ...told(
      'revocation',
      'revocation/unchecked',
      'tcb-info/revocation/unchecked',
      'qe-identity/revocation/unchecked',
    ),
    ...unrated,
  ];
  const of = (dates: { thisUpdate?: number; nextUpdate?: number }, when: string) => [
    said(`list of platforms ${when}`, unchecked, () => list('pckCa', dates)),
    said(`list of authorities ${when}`, rootUnchecked, () => list('root', dates)),
  ];
  const statements = (window_: object, when: string, id: string) => [
    said(`TCB info ${when}`, told('tcb', `tcb-info/${id}`, 'tcb/status'), () => ({ tcbInfo: window_ })),
    said(`identity ${when}`, told('tcb', `qe-identity/${id}`, 'tcb/status'), () => ({ qeIdentity: window_ })),
  ];
  const ended = { thisUpdate: now - 30 * DAY, nextUpdate: now - HOUR };
  return {
    'a list of another kind or signer': [
      said('the list of authorities in place of that of platforms', unchecked, async () => ({
        files: { 'pck.crl': await intel.crl('root') },
      })),
      said('the list of platforms in place of that of authorities', rootUnchecked, async () => ({
        files: { 'root.crl': await intel.crl('pckCa') },
      })),
    ],
    'collateral that has ended': [
      ...of(ended, 'that has ended'),
      ...statements(window(now - 40 * DAY, now - HOUR), 'that has ended', 'stale'),
    ],
    'collateral from the future': [
      ...of({ thisUpdate: now + HOUR }, 'from the future'),
      ...statements(window(now + HOUR, now + 30 * DAY), 'from the future', 'future'),
    ],
    'collateral that is missing': [
      said('no list of platforms', unchecked, () => ({ files: { 'pck.crl': undefined } })),
      said('no TCB info', [...told('tcb', 'tcb-info/missing'), ...unrated], () => ({
        files: { 'tcb.json': undefined },
      })),
      said('no identity', [...told('evidence', 'qe-identity/missing'), ...unrated], () => ({
        files: { 'qe.json': undefined },
      })),
    ],
    'what its vendor revoked': [
      said('the platform', told('revocation', 'revocation/revoked'), () => list('pckCa', { serials: [3] })),
      said('its authority', told('revocation', 'revocation/revoked'), () => list('root', { serials: [2] })),
    ],
    'a clock an hour behind': [
      said('before a list begins', unchecked, () => list('pckCa', { thisUpdate: now - HOUR / 2 })),
    ],
    'a clock an hour ahead': [
      said('after the TCB info has ended', told('tcb', 'tcb-info/stale', 'tcb/status'), () => ({
        tcbInfo: { nextUpdate: iso(now + HOUR / 2) },
      })),
    ],
  } satisfies Partial<CheatTable>;
}

/** @param now milliseconds since 1970, when all is good */
export async function playSgx(now: number): Promise<PlayedTechnology> {
  const intel = await FakeIntel.create(now);
  const { prove, said } = cheatsWith(intel);
  const pck = { notBefore: now - 400 * DAY, notAfter: now - DAY };
  const pckCa = { notBefore: now + DAY, notAfter: now + 400 * DAY };
  // Levels as they are for the good machine; each fake vendor else draws them for its own.
  const { tcbLevels } = tcbInfoOf('sgx', intel.platform) as { tcbLevels?: unknown };
  const [expired, future, stranger, old] = await Promise.all([
    elsewhere(now, {
      what: 'a platform’s certificate',
      told: told('evidence', 'chain/expired'),
      windows: { pck },
    }),
    elsewhere(now, {
      what: 'an authority',
      told: told('evidence', 'chain/not-yet-valid'),
      windows: { pckCa },
    }),
    elsewhere(now, {
      what: 'another machine of the same family',
      told: told('platform', 'platform'),
      platform: { ppid: 'a2'.repeat(16) },
    }),
    elsewhere(now, {
      what: 'firmware that the TCB info calls out of date',
      told: told('tcb', 'tcb/status', 'tcb/advisories'),
      platform: { components: intel.platform.components.map((svn) => Math.min(svn, 3)) },
      saying: { tcbInfo: { tcbLevels } },
    }),
  ]);
  const roots = [intel, ...[expired, future, stranger, old].map((one) => one.intel)];
  const entry = await entryOf(intel);
  return {
    title: 'SGX',
    technology: 'sgx',
    sensitivity: 'real',
    entry,
    roots: { intel: roots.flatMap((one) => one.roots.intel ?? []) },
    platform: `sgx:ppid:${intel.platform.ppid}`,
    answers: await intelAnswers(intel, 'sgx'),
    basis: 'roots',
    collateral: readCollateral(await intel.collateral('sgx')),
    published: [],
    keySets: {},
    imports: [],
    prove,
    cheats: {
      ...quoteRows(intel, stranger.intel),
      ...collateralRows(intel, now),
      'a certificate or token that has ended': [expired.cheat],
      'a certificate or token from the future': [future.cheat],
      'another machine or project': [stranger.cheat],
      'provisional or old firmware': [
        old.cheat,
        said('an old CPUSVN of the enclave', told('tcb', 'cpusvn'), () => ({}), {
          body: { cpuSvn: '04'.repeat(16) },
        }),
        said('an old quoting enclave', told('tcb', 'tcb/status', 'tcb/advisories'), () => ({}), {
          quote: { qe: { svn: 2 } },
        }),
        said('statements of an old evaluation', told('tcb', 'tcb/evaluation-number'), () => ({
          tcbInfo: { tcbEvaluationDataNumber: 16 },
        })),
      ],
      'a token for another audience': none('quotes name no audience'),
      'a token of another issuer': none('quotes name no issuer; another signer is played'),
      'a token under no or another algorithm': none(
        'the format has one algorithm; others are unknown versions',
      ),
    },
  };
}
