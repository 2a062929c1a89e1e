// Someone cheats with the TD: quotes of a fake Intel, in the genuine layouts and under a root of its own, through the whole
// chain; each cheat is refused by a check of its own. Cheats with collateral are in collateral-cheats.test.ts.
import { base64urlEncode, hexEncode } from '@sealroom/bytes';
import { describe, expect, it } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import { parsePolicy } from '../policy.ts';
import { parseTdxQuote } from './parse.ts';
import { tdx } from './technology.ts';
import { extendedOnce } from './verify.ts';
import {
  AT,
  type Attempt,
  DAY,
  files,
  intel,
  judge,
  makeQuote,
  other,
  policyFor,
  reasons,
  REPORT_DATA,
  RUN,
} from './world-for-tests.ts';

describe('a good TD', () => {
  it('is affirmed, in version 4 and in version 5, with an extended report or without', async () => {
    expect(await reasons({})).toEqual([]);
    expect(await reasons({ later: true })).toEqual([]);
    expect(await reasons({ later: true, body: { extended: {} } })).toEqual([]);
    const { claims } = await judge({ later: true, body: { extended: { tdId: BYTES('1e', 32) } } });
    expect(claims?.signed).toMatchObject({ tdId: BYTES('1e', 32), mrServiceTd: BYTES('00', 48) });
  });

  it('is affirmed when zeros follow the quote, and not when anything else does', async () => {
    expect(await reasons({ changes: { padding: new Uint8Array(3000) } })).toEqual([]);
    const padding = new Uint8Array(3000);
    padding[2999] = 1;
    expect(await reasons({ changes: { padding } })).toEqual(['tdx/malformed']);
  });

  it('is affirmed by a register that was extended once with the run', async () => {
    const register = hexEncode(await extendedOnce(RUN));
    const rtmr = ['d0', 'd1', 'd2'].map((byte) => byte.repeat(48));
    const entry = { rtmr3: 'run' as const, mrConfigId: ['00'.repeat(48)] };
    const mrConfigId = '00'.repeat(48);
    expect(await reasons({ body: { mrConfigId, rtmr: [...rtmr, register] }, entry })).toEqual([]);
    const twice = hexEncode(await extendedOnce(RUN.map((byte) => byte ^ 1)));
    expect(await reasons({ body: { mrConfigId, rtmr: [...rtmr, twice] }, entry })).toEqual(['tdx/run']);
    // A policy may name bytes that no register can have been extended with.
    const parsed = parseTdxQuote(await makeQuote({}));
    const { claims } = await tdx.verify(parsed, tdx.pin(parsed), {
      at: AT,
      collateral: readCollateral(files),
      roots: intel.roots,
    });
    if (!claims) throw new Error('The quote is authentic.');
    const accepting = { ...tdx.pin(parsed), ...entry };
    expect(await tdx.holdsRun?.(claims, accepting, new Uint8Array(49))).toBe(false);
  });

  it('is affirmed again from what was kept, and not beyond the dates', async () => {
    const collateral = readCollateral(files);
    const parsed = parseTdxQuote(await makeQuote({}));
    const verify = (at: number) =>
      tdx.verify(parsed, tdx.pin(parsed), { at, collateral, roots: intel.roots });
    const fails = async (at: number) =>
      (await verify(at)).checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id);
    const { roots } = intel;
    const again = async (at: number) =>
      (await tdx.verify(parsed, tdx.pin(parsed), { at, collateral, roots })).checks
        .filter(({ outcome }) => outcome !== 'pass')
        .map(({ id }) => id);
    for (const one of [fails, again]) {
      expect(await one(AT)).toEqual([]);
      expect(await one(AT + 1)).toEqual([]);
      expect(await one(AT + 29 * DAY)).toContain('tdx/tcb-info/stale');
      expect(await one(AT - DAY - 1)).toContain('tdx/tcb-info/future');
      expect(await one(AT)).toEqual([]);
    }
  });
});

const BYTES = (byte: string, count: number) => byte.repeat(count);

const CHEATS: readonly [string, Attempt, readonly string[]][] = [
  ['debug', { body: { tdAttributes: '0100001000000000' } }, ['tdx/debug']],
  ['another bit of the debug byte', { body: { tdAttributes: '1000001000000000' } }, ['tdx/debug']],
  ['SEPT_VE_DISABLE clear', { body: { tdAttributes: BYTES('00', 8) } }, ['tdx/attributes/required']],
  ['protection keys', { body: { tdAttributes: '0000005000000000' } }, ['tdx/attributes']],
  ['key locker', { body: { tdAttributes: '0000009000000000' } }, ['tdx/attributes']],
  ['an attribute nobody knows', { body: { tdAttributes: '0001001000000000' } }, ['tdx/attributes']],
  ['another XFAM', { body: { xfam: 'e718060000000000' } }, ['tdx/xfam']],
  ['another firmware', { body: { mrTd: BYTES('ab', 48) } }, ['tdx/mrtd']],
  [
    'another kernel',
    { body: { rtmr: ['d0', '01', 'd2', 'd3'].map((byte) => BYTES(byte, 48)) } },
    ['tdx/rtmr1'],
  ],
  ['another manifest', { body: { mrConfigId: BYTES('78', 48) } }, ['tdx/run']],
  [
    'the manifest and something behind it',
    { body: { mrConfigId: `${BYTES('77', 32)}${BYTES('01', 16)}` } },
    ['tdx/run'],
  ],
  ['another nonce', { body: { reportData: new Uint8Array(64).fill(9) } }, ['tdx/binding']],
  ['another owner', { body: { mrOwner: BYTES('01', 48) } }, ['tdx/mrowner']],
  ['another owner’s configuration', { body: { mrOwnerConfig: BYTES('01', 48) } }, ['tdx/mrownerconfig']],
  ['a service TD', { later: true, body: { mrServiceTd: BYTES('01', 48) } }, ['tdx/mrservicetd']],
  [
    'a service TD, in an extended report',
    { later: true, body: { mrServiceTd: BYTES('01', 48), extended: {} } },
    ['tdx/mrservicetd'],
  ],
  ['a machine inside the TD', { later: true, body: { extended: { vmId: '01' } } }, ['tdx/vmid']],
  [
    'devices of the TD',
    { later: true, body: { extended: { devices: `${BYTES('00', 47)}01` } } },
    ['tdx/devices'],
  ],
  ...[0, 48, 56, 72, 88, 100, 148, 155].map((at): [string, Attempt, readonly string[]] => [
    `a history, at byte ${at}`,
    { later: true, body: { extended: { history: `${BYTES('00', at)}01${BYTES('00', 155 - at)}` } } },
    ['tdx/history'],
  ]),
  [
    'a TD that migrates, in a quote that names no service TD',
    {
      body: { tdAttributes: '0000003000000000' },
      entry: { attributes: { allowed: ['MIGRATABLE'], required: ['SEPT_VE_DISABLE'] } },
    },
    ['tdx/mrservicetd'],
  ],
  ['a TDX module of another signer', { body: { mrSignerSeam: BYTES('01', 48) } }, ['tdx/tcb/module']],
  ['a TDX module with attributes', { body: { seamAttributes: '0100000000000000' } }, ['tdx/tcb/module']],
  [
    'a TDX module that Intel does not name',
    { body: { teeTcbSvn: `060903${BYTES('00', 13)}` } },
    ['tdx/tcb/module', 'tdx/tcb/module-level'],
  ],
  [
    'an old TDX module',
    {
      body: { teeTcbSvn: `020103${BYTES('00', 13)}` },
      entry: { minimumTeeTcbSvn: BYTES('00', 16) },
    },
    ['tdx/tcb/status', 'tdx/tcb/advisories'],
  ],
  [
    'an old TDX module beneath the floor, although its status is accepted',
    {
      body: { teeTcbSvn: `020103${BYTES('00', 13)}` },
      entry: {
        tcb: {
          statuses: ['OutOfDate'],
          minimumEvaluationNumber: 17,
          advisories: { allowed: ['INTEL-SA-01036'] },
        },
      },
    },
    ['tdx/tee-tcb-svn'],
  ],
  [
    'a module that was replaced by an older one since launch',
    { later: true, body: { teeTcbSvn2: `020103${BYTES('00', 13)}` } },
    ['tdx/tee-tcb-svn', 'tdx/tcb/status', 'tdx/tcb/advisories'],
  ],
  ['another TDX module, where it is pinned', { entry: { mrSeam: [BYTES('5f', 48)] } }, ['tdx/mrseam']],
  ['a platform of another family', { entry: { fmspc: ['90c06f000000'] } }, ['tdx/fmspc']],
  ['another machine', { entry: { platforms: [`tdx:ppid:${BYTES('a2', 16)}`] } }, ['tdx/platform']],
  ['no machine at all', { entry: { platforms: [] } }, ['tdx/platform']],
  ['hyper-threading, where it is forbidden', { entry: { smt: 'disabled' } }, ['tdx/smt']],
  [
    'statements older than the policy wants, although in date',
    { entry: { tcb: { statuses: ['UpToDate'], minimumEvaluationNumber: 18, advisories: { allowed: [] } } } },
    ['tdx/tcb/evaluation-number'],
  ],
  ['an empty list of registers', { entry: { mrTd: [] } }, ['tdx/mrtd']],
  ['a report that names another key', { changes: { qeReportData: new Uint8Array(64) } }, ['tdx/qe-binding']],
  ['a report that the CA signed', { changes: { qeSignedBy: 'pckCa' } }, ['tdx/qe-signature']],
  ['another enclave that quotes', { changes: { qe: { mrSigner: BYTES('66', 32) } } }, ['tdx/qe-identity']],
  ['the quoting enclave of SGX', { changes: { qe: { prodId: 1 } } }, ['tdx/qe-identity']],
  [
    'a quoting enclave under debug',
    { changes: { qe: { attributes: '13000000000000000700000000000000' } } },
    ['tdx/qe-identity'],
  ],
  ['an old quoting enclave', { changes: { qe: { svn: 3 } } }, ['tdx/tcb/status', 'tdx/tcb/advisories']],
  ['a quoting enclave below all levels', { changes: { qe: { svn: 1 } } }, ['tdx/tcb/qe']],
];

describe('a TD is refused for', () => {
  it.each(CHEATS)('%s', async (_, attempt, expected) => {
    expect(await reasons(attempt)).toEqual(expected);
  });

  it('certificates that do not lead to the pinned root, and a root that it brings itself', async () => {
    expect(await reasons({ roots: other.roots })).toEqual(['tdx/chain/signature']);
    expect(await reasons({ roots: {} })).toEqual(['tdx/chain/no-path']);
    expect(await reasons({ from: other })).toEqual(['tdx/chain/signature']);
  });

  it('certificates in the places of others', async () => {
    const { pck, pckCa, root, tcbSigning } = intel.certificates;
    const swapped = (chain: readonly Uint8Array<ArrayBuffer>[], qeSignedBy: 'pck' | 'pckCa' | 'tcbSigning') =>
      reasons({ changes: { chain, qeSignedBy } });
    expect(await swapped([tcbSigning, root], 'tcbSigning')).toEqual(['tdx/pck']);
    expect(await swapped([pckCa, root], 'pckCa')).toEqual(['tdx/pck']);
    expect(await swapped([pck, root], 'pck')).toEqual(['tdx/chain/no-path']);
    expect(await swapped([pckCa, pck, root], 'pck')).toEqual(['tdx/pck', 'tdx/qe-signature']);
  });

  it('any byte of header and body that changed, and each byte of the signatures', async () => {
    const quote = await makeQuote({});
    const end = 48 + 584;
    const places = [
      ...Array.from({ length: end }, (_, i) => i),
      ...Array.from({ length: 128 }, (_, i) => end + 4 + i),
    ];
    const extended = await makeQuote({ later: true, body: { extended: {} } });
    for (let place = 54 + 600; place < 54 + 885; place++) {
      const bytes = extended.slice();
      bytes[place] = (bytes[place] ?? 0) ^ 0x10;
      expect(await reasons({ quote: bytes }), `byte ${place}`).toContain('tdx/signature');
    }
    for (const place of places) {
      const bytes = quote.slice();
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      const found = await reasons({ quote: bytes });
      expect(
        found.some((id) => ['tdx/signature', 'tdx/malformed', 'tdx/qe-binding'].includes(id)),
        `byte ${place}: ${found.join(' ')}`,
      ).toBe(true);
    }
  });

  it('any byte of the quoting enclave’s report, its signature and data', async () => {
    const quote = await makeQuote({});
    const start = 48 + 584 + 4 + 128 + 6;
    for (let place = start; place < start + 384 + 64 + 2 + 32; place += 3) {
      const bytes = quote.slice();
      bytes[place] = (bytes[place] ?? 0) ^ 0x80;
      expect((await judge({ quote: bytes })).verdict, `byte ${place}`).toBe('refused');
    }
  });
});

// The machine that quotes TDs quotes enclaves as well, with the same key.
it('a machine is distrusted by whichever technology its list names it', async () => {
  const quote = base64urlEncode(new Uint8Array(await makeQuote({})));
  const { accept } = await policyFor();
  const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
  const binding = { reportData: REPORT_DATA, hostData: RUN };
  const judgedBy = async (distrust: readonly string[]) => {
    const policy = parsePolicy(JSON.stringify({ v: 1, binding: 'room', accept, distrust }));
    const found = await appraiseEvidence({ technology: 'tdx', body: quote }, policy, { binding, context });
    return found.checks.filter(isReason).map(({ id }) => id);
  };
  const ppid = BYTES('a1', 16);
  for (const name of [
    `tdx:ppid:${ppid}`,
    `sgx:ppid:${ppid}`,
    `TDX:PPID:${ppid.toUpperCase()}`,
    `ppid:${ppid}`,
  ])
    expect(await judgedBy([name]), name).toEqual(['tdx/distrusted']);
  expect(await judgedBy([`sgx:ppid:${BYTES('a2', 16)}`])).toEqual([]);
  for (const name of ['', ppid, `:${ppid}`, `ppid:${ppid} `, ' tdx:ppid:a1'])
    await expect(judgedBy([name]), JSON.stringify(name)).rejects.toMatchObject({ code: 'attest/bad-policy' });
});

describe('a policy', () => {
  const parse = async (change: object) => {
    const { accept } = await policyFor();
    return parsePolicy(JSON.stringify({ v: 1, binding: 'room', accept: [{ ...accept[0], ...change }] }));
  };

  it('names every register, attribute, floor and list, and the run exactly once', async () => {
    const bad = expect.objectContaining({ code: 'attest/bad-policy' });
    const { accept } = await policyFor();
    for (const member of Object.keys(accept[0] ?? {}))
      await expect(parse({ [member]: undefined }), member).rejects.toThrow(bad);
    for (const change of [
      { rtmr3: 'run' },
      { mrConfigId: [] },
      { rtmr0: 'any' },
      { runBinding: 'software' },
      { tcb: { statuses: ['Revoked'], minimumEvaluationNumber: 17, advisories: { allowed: [] } } },
      { tcb: { statuses: ['UpToDate'], advisories: { allowed: [] } } },
      { mrTd: ['AA'.repeat(48)] },
      { unknown: 1 },
    ])
      await expect(parse(change), JSON.stringify(change)).rejects.toThrow(bad);
  });
});

it('pins a policy that accepts the evidence itself', async () => {
  const quote = await makeQuote({ later: true });
  const parsed = parseTdxQuote(quote);
  expect(hexEncode(parsed.report.mrTd)).toBe('aa'.repeat(48));
  const accept = [tdx.pin(parsed)];
  const policy = parsePolicy(
    JSON.stringify({ v: 1, binding: { reportData: hexEncode(REPORT_DATA) }, accept }),
  );
  const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
  const body = base64urlEncode(new Uint8Array(quote));
  const { verdict } = await appraiseEvidence({ technology: 'tdx', body }, policy, { context });
  expect(verdict).toBe('affirmed');
});
