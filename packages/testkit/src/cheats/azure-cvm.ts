// Azure confidential VMs on processors of a made-up AMD, and every cheat with them: in the processor's report, in the paravisor's
// claims that it vouches for, in what stands beside (azure-amd.ts), and in the quote of the TPM that the claims name (quotes.ts). A
// register of the TPM names the run.
import { readCollateral } from '@sealroom/attest';
import { type Bytes, concat, sha256 } from '@sealroom/bytes';
import { FakeHcl } from '../vendors/azure-cvm.ts';
import { amdAnswers } from '../vendors/services.ts';
import { fakeAmd, goodSnpReport, snpChipId, SNP_TCB } from '../vendors/sev-snp.ts';
import { FakeTpm } from '../vendors/tpm.ts';
import { keyRows, listRows } from './azure-amd.ts';
import { azure, entryOf, type Proof, proofOf, snp } from './azure-machine.ts';
import {
  changed,
  type Cheat,
  type CheatTable,
  flip,
  joined,
  none,
  overwrite,
  type PlayedTechnology,
} from './cheats.ts';
import { edit, editBytes, quoteRows } from './quotes.ts';

/** Where parts of an HCL report begin. */
const REPORT = 32;
const SIGNATURE = REPORT + 0x2a0;
const HALF = 72;
const CLAIMS_HEADER = REPORT + 1184;

/** Of an SNP report. */
const SIGNED = {
  POLICY: 0x08,
  FAMILY_ID: 0x10,
  IMAGE_ID: 0x20,
  VMPL: 0x30,
  PLATFORM_INFO: 0x40,
  REPORT_DATA: 0x50,
  MEASUREMENT: 0x90,
  HOST_DATA: 0xc0,
  ID_KEY_DIGEST: 0xe0,
  AUTHOR_KEY_DIGEST: 0x110,
  REPORT_ID: 0x140,
  COMMITTED_TCB: 0x1e0,
  LAUNCH_TCB: 0x1f0,
} as const;

const made =
  (proof: Proof) =>
  (what: string, expected: readonly string[], changes: Parameters<Proof>[1]): Cheat => ({
    what,
    told: expected,
    attempt: async ({ good }) => ({ body: await proof(good, changes) }),
  });

/** Good evidence in whose HCL report bytes were changed. */
const inReport =
  (proof: Proof) =>
  (what: string, expected: readonly string[], change: (report: Bytes) => Uint8Array): Cheat =>
    changed(proof, what, expected, (good) =>
      edit(good, ({ hclReport }) => ({ hclReport: editBytes(String(hclReport), change) })),
    );

function indexOf(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes).indexOf(text);
}

/** What is done to the HCL report. */
function reportRows(proof: Proof) {
  const report = inReport(proof);
  const flipped = (what: string, at: number, ...checks: readonly string[]) =>
    report(what, snp('evidence', ...checks, 'signature'), (bytes) => flip(bytes, REPORT + at));
  const malformed = azure('evidence', 'malformed');
  const numbers = (what: string, at: number, value: number) =>
    report(`${what} in the processor’s report`, snp('evidence', 'signature'), (bytes) =>
      overwrite(bytes, SIGNATURE + at, new Uint8Array(48).fill(value)),
    );
  return {
    'a bit flipped in a signed field': [
      ...Object.entries(SIGNED).map(([what, at]) => flipped(what, at)),
      flipped('CHIP_ID', 0x1a0, 'chip'),
      flipped('REPORTED_TCB', 0x180, 'tcb-match'),
      report('the VM’s name in the claims', azure('evidence', 'runtime-claims'), (bytes) =>
        flip(bytes, indexOf(bytes, '00000000-0000')),
      ),
      report('the console in the claims', azure('evidence', 'runtime-claims'), (bytes) =>
        overwrite(bytes, indexOf(bytes, 'false,'), Buffer.from('true ,')),
      ),
    ],
    'padding in or behind the signature': [
      report('behind r', azure('evidence', 'hardware-malformed'), (bytes) => flip(bytes, SIGNATURE + 48)),
      report('behind s', azure('evidence', 'hardware-malformed'), (bytes) =>
        flip(bytes, SIGNATURE + HALF + 48),
      ),
      report('behind both', azure('evidence', 'hardware-malformed'), (bytes) =>
        flip(bytes, SIGNATURE + 2 * HALF),
      ),
    ],
    'numbers of a signature that sign nothing': [
      numbers('r of zero', 0, 0),
      numbers('s of zero', HALF, 0),
      numbers('r beyond the order', 0, 0xff),
      numbers('s beyond the order', HALF, 0xff),
    ],
    'an unknown version': [
      report('the HCL report’s', malformed, (bytes) => flip(bytes, 4, 1)),
      report('the claims’', malformed, (bytes) => flip(bytes, CLAIMS_HEADER + 4, 2)),
      report('hardware that is none here', malformed, (bytes) => flip(bytes, CLAIMS_HEADER + 8, 1)),
      report('the processor’s report’s', azure('evidence', 'hardware-malformed'), (bytes) =>
        flip(bytes, REPORT, 2),
      ),
    ],
    'trailing bytes': [
      report('behind the HCL report', malformed, (bytes) => concat(bytes, new Uint8Array([1]))),
      report('behind the claims', malformed, (bytes) => flip(bytes, bytes.length - 1)),
    ],
  } satisfies Partial<CheatTable>;
}

/** What a processor is made to sign, or a paravisor to claim. */
function signedRows(proof: Proof, hcl: FakeHcl, stranger: FakeHcl) {
  const one = made(proof);
  return {
    'another signer': [
      {
        what: 'the claims of a guest that names its own key',
        told: azure('evidence', 'runtime-claims', 'quote-signature'),
        attempt: async ({ good }) => ({
          body: await proof(good, {
            hcl: {
              keys: stranger.keys(),
              reportData: concat(await sha256(hcl.runtime()), new Uint8Array(32)),
            },
          }),
        }),
      },
      one('a report that its guest asked for', snp('configuration', 'vmpl'), { fields: { vmpl: 1 } }),
      one('a report without the claims’ digest', azure('evidence', 'runtime-claims'), {
        hcl: { reportData: new Uint8Array(64) },
      }),
    ],
    debug: [one('a guest that its host may debug', snp('debug', 'debug'), { fields: { policy: 0xb001fn } })],
    'other code': [
      one('another paravisor', snp('code', 'launch'), { fields: { measurement: new Uint8Array(48) } }),
      one('the paravisor with host data of its launcher', snp('code', 'host-data'), {
        fields: { hostData: new Uint8Array(32).fill(6) },
      }),
    ],
    'another configuration': [
      one('no secure boot', azure('configuration', 'secure-boot'), {
        hcl: { configuration: { 'secure-boot': false } },
      }),
      one('a TPM into which nothing is measured', azure('configuration', 'tpm-enabled'), {
        hcl: { configuration: { 'tpm-enabled': false } },
      }),
      one('a console', azure('configuration', 'console'), {
        hcl: { configuration: { 'console-enabled': true } },
      }),
      one('a migration agent', snp('configuration', 'migration-agent'), { fields: { policy: 0x7001fn } }),
    ],
    'provisional or old firmware': [
      one('firmware that can be rolled back', snp('tcb', 'tcb/committed', 'tcb/provisional'), {
        fields: { committed: { ...goodSnpReport('Milan').committed, snp: 23 } },
      }),
      one('launched by old firmware', snp('tcb', 'tcb/launch'), {
        fields: { launch: { ...goodSnpReport('Milan').launch, microcode: 1 } },
      }),
    ],
  } satisfies Partial<CheatTable>;
}

/** @param now milliseconds since 1970, when all is good */
export async function playAzureCvm(now: number): Promise<PlayedTechnology> {
  const [amd, other, hcl, stranger, tpm] = await Promise.all([
    fakeAmd('Milan', now),
    fakeAmd('Milan', now),
    FakeHcl.create(now),
    FakeHcl.create(now),
    FakeTpm.create(now),
  ]);
  const key = await amd.endorse('VCEK');
  const machine = { amd, key, hcl };
  const proof = proofOf(machine);
  const chip = Buffer.from(snpChipId('Milan')).toString('hex');
  const anchors = readCollateral([{ name: 'root', bytes: amd.root }]).certificates;
  const list = await amd.revocationList();
  return {
    title: 'Azure confidential VM',
    technology: 'azure-cvm',
    sensitivity: 'real',
    entry: await entryOf(proof),
    roots: { amd: anchors },
    platform: `sev-snp:chip:${chip}`,
    answers: await amdAnswers(amd, { chip, tcb: SNP_TCB, certificate: key.certificate }),
    keySets: {},
    collateral: readCollateral([amd.askCertificate, list].map((bytes, at) => ({ name: String(at), bytes }))),
    published: [],
    imports: [],
    basis: 'roots',
    prove: proof,
    cheats: joined(
      quoteRows({
        technology: 'azure-cvm',
        prove: (bound, quote = {}) => proof(bound, { quote }),
        stranger: tpm,
      }),
      reportRows(proof),
      signedRows(proof, hcl, stranger),
      await keyRows(machine, other, now),
      await listRows(machine, other, now),
      {
        'a token for another audience': none('quotes name no audience'),
        'a token of another issuer': none('quotes name no issuer; another signer is played'),
        'a token under no or another algorithm': none(
          'reports have one algorithm; another scheme of the TPM’s signature is an unknown version',
        ),
      },
    ),
  };
}
