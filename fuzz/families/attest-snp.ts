// SEV-SNP: evidence, certificate tables, endorsement keys, and firmware that is measured.
import { bytesEqual, concat, hexDecode } from '@sealroom/bytes';
import { appraiseEvidence, type Policy, readCollateral } from '@sealroom/attest';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { type FakeAmd, fakeAmd, SNP_GUIDS, snpCertificateTable } from '@sealroom/testkit/vendors/sev-snp';
import { appraiseSnp } from '../../packages/attest/src/sev-snp/appraise.ts';
import { readEndorsementKey } from '../../packages/attest/src/sev-snp/certificates.ts';
import { parseFirmware } from '../../packages/attest/src/sev-snp/measure/firmware.ts';
import { parseSnpEvidence } from '../../packages/attest/src/sev-snp/parse.ts';
import { readTcb } from '../../packages/attest/src/sev-snp/products.ts';
import { parseSnpReport } from '../../packages/attest/src/sev-snp/report.ts';
import { readCertificateTable } from '../../packages/attest/src/sev-snp/table.ts';
import { sevSnp } from '../../packages/attest/src/sev-snp/technology.ts';
import { verifySnp } from '../../packages/attest/src/sev-snp/verify.ts';
import { parseCertificate } from '../../packages/attest/src/x509/certificate.ts';
import { expect, judge, type Outcome, type Target } from '../engine/target.ts';
import { attest } from './codes.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const SIGNED = 0x2a0;

async function world(amd: FakeAmd) {
  const keys = [await amd.endorse('VCEK'), await amd.endorse('VLEK')] as const;
  const [vcek, vlek] = keys;
  const reports = [
    await amd.report(vcek),
    await amd.report(vcek, { version: 2 }),
    await amd.report(vcek, { version: 3 }),
    await amd.report(vlek, { flags: 4, chipId: new Uint8Array(64) }),
  ];
  const certificates = [vcek.certificate, vlek.certificate, amd.askCertificate, amd.asvkCertificate];
  const files = [...certificates, await amd.revocationList()];
  const collateral = readCollateral(files.map((bytes, index) => ({ name: String(index), bytes })));
  const context = { at: NOW, collateral, roots: { amd: [parseCertificate(amd.root)] } };
  const table = snpCertificateTable([
    [SNP_GUIDS.VCEK, vcek.certificate],
    [SNP_GUIDS.ASK, amd.askCertificate],
  ]);
  return { reports, certificates, context, table };
}

type World = Awaited<ReturnType<typeof world>>;

/** What is found authentic or affirmed must be what the vendor signed. */
async function verified(input: Uint8Array, { reports, context }: World, outcome: Outcome): Promise<Outcome> {
  if (!outcome.accepted) return outcome;
  const parsed = parseSnpEvidence(input);
  const entry = { ...sevSnp.pin(parsed), vlek: { cspIds: ['CN=cc.cloud.example'] } };
  const { claims, checks } = await verifySnp(parsed, entry, context);
  const genuine = reports.some((report) => bytesEqual(report.subarray(0, SIGNED), parsed.report.signed));
  expect(claims === undefined || genuine, 'false-accept', 'A report is authentic that nobody signed.');
  if (claims) appraiseSnp(claims, entry);
  const policy: Policy = { v: 1, binding: { reportData: '00' }, accept: [entry], distrust: [] };
  const body = Buffer.from(input).toString('base64url');
  const { verdict } = await appraiseEvidence({ technology: 'sev-snp', body }, policy, { context });
  expect(verdict === 'refused' || genuine, 'false-accept', 'A report is affirmed that nobody signed.');
  const failed = checks.filter(({ outcome: one }) => one === 'fail').map(({ id }) => id);
  return { accepted: claims !== undefined, note: `${outcome.note} ${failed.join(' ')}` };
}

const evidenceTarget = (made: World): Target => ({
  name: 'attest.parseSnpEvidence',
  covers: [
    'attest/parseSnpEvidence',
    'attest/parseSnpReport',
    'attest/verifySnp',
    'attest/appraiseSnp',
    'attest/readTcb',
  ],
  form: 'bytes',
  seeds: [...made.reports, ...made.reports.slice(0, 1).map((report) => concat(report, made.table))],
  run: async (input) => {
    judge(
      attest('attest/malformed'),
      () => parseSnpReport(input),
      ({ signed, tcb }) => {
        expect(bytesEqual(signed, input.subarray(0, SIGNED)), 'round-trip', 'It keeps other bytes.');
        readTcb(tcb.reported, 'Turin');
      },
    );
    const outcome = judge(
      attest('attest/malformed', 'attest/too-large'),
      () => parseSnpEvidence(input),
      () => undefined,
    );
    return verified(input, made, outcome);
  },
});

const aciTarget = (made: World): Target => {
  const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64');
  const [report = new Uint8Array()] = made.reports;
  const endorsements = base64(certificatesPem(made.certificates.slice(0, 1)));
  const seed = JSON.stringify({ evidence: base64(report), endorsements, endorsed_tcb: '00' });
  return {
    name: 'attest.parseSnpEvidence(json)',
    covers: ['attest/parseSnpEvidence'],
    form: 'json',
    words: ['evidence', 'endorsements', 'endorsed_tcb', 'uvm_endorsements'],
    seeds: [Buffer.from(seed)],
    run: async (input) => {
      const outcome = judge(
        attest('attest/malformed', 'attest/too-large'),
        () => parseSnpEvidence(input),
        () => undefined,
      );
      return verified(input, made, outcome);
    },
  };
};

const tableTarget = ({ table }: World): Target => ({
  name: 'attest.readCertificateTable',
  covers: ['attest/readCertificateTable'],
  form: 'bytes',
  seeds: [table, new Uint8Array(48)],
  run: (input) =>
    judge(
      attest('attest/malformed'),
      () => readCertificateTable(input),
      (found) =>
        expect(
          found.every((bytes) => Buffer.from(input).includes(Buffer.from(bytes))),
          'round-trip',
          'A certificate is not in the table.',
        ),
    ),
});

const keyTarget = ({ certificates }: World): Target => ({
  name: 'attest.readEndorsementKey',
  covers: ['attest/readEndorsementKey'],
  form: 'bytes',
  seeds: certificates,
  run: (input) =>
    judge(
      attest('attest/bad-certificate', 'attest/malformed', 'attest/too-large'),
      () => readEndorsementKey(parseCertificate(input)),
      ({ kind, chip, provider }) =>
        expect(
          kind === 'VCEK'
            ? chip !== undefined && provider === undefined
            : chip === undefined && provider !== undefined,
          'false-accept',
          'A key is of a chip and a provider, or of neither.',
        ),
    ),
});

/** One page with the tables of OVMF in it. */
function firmware(): Uint8Array {
  const bytes = new Uint8Array(4096);
  const metadata =
    '41534556 28000000 01000000 02000000 00008000 00900000 01000000 00d08000 00100000 02000000';
  bytes.set(hexDecode(metadata.replaceAll(' ', '')), 1024);
  const table = hexDecode(
    [
      '04b08000 1600 de71f7007e1acb4f890e68c77e2fb44e',
      '000c0000 1600 666588dc4a989847a75e5585a7bf67cc',
      '3e00 de82b596b21ff745baeaa366c55a082d',
    ]
      .join('')
      .replaceAll(' ', ''),
  );
  bytes.set(table, 4096 - 32 - table.length);
  return bytes;
}

const firmwareTarget: Target = {
  name: 'attest.parseFirmware',
  covers: ['attest/parseFirmware'],
  form: 'bytes',
  seeds: [firmware()],
  run: (input) =>
    judge(
      attest('attest/malformed', 'attest/too-large'),
      () => parseFirmware(input),
      ({ bytes, sections }) => {
        expect(bytesEqual(bytes, input), 'round-trip', 'It keeps other bytes.');
        expect(
          sections.every(({ address, size }) => address % 4096 === 0 && size % 4096 === 0 && size > 0),
          'false-accept',
          'A section is not made of pages.',
        );
      },
    ),
};

export async function snpTargets(): Promise<Target[]> {
  const made = await world(await fakeAmd('Milan', NOW));
  return [evidenceTarget(made), aciTarget(made), tableTarget(made), keyTarget(made), firmwareTarget];
}
