// TPM 2.0 and Azure confidential VMs: evidence, the TPM's own structures, and HCL reports.
import { bytesEqual, hexDecode } from '@sealroom/bytes';
import { FakeHcl } from '@sealroom/testkit/vendors/azure-cvm';
import { fakeAmd } from '@sealroom/testkit/vendors/sev-snp';
import { FakeTpm } from '@sealroom/testkit/vendors/tpm';
import { parseHclReport } from '../../packages/attest/src/azure-cvm/hcl.ts';
import { parseAzure } from '../../packages/attest/src/azure-cvm/parse.ts';
import { azureCvm } from '../../packages/attest/src/azure-cvm/technology.ts';
import { NO_COLLATERAL, readCollateral } from '../../packages/attest/src/collateral.ts';
import { readAkCertificates, readPaddedCertificate } from '../../packages/attest/src/tpm/ak-chain.ts';
import { parseTpm } from '../../packages/attest/src/tpm/parse.ts';
import { parseQuoteInfo, parseTpmKey, parseTpmSignature } from '../../packages/attest/src/tpm/structures.ts';
import { tpm } from '../../packages/attest/src/tpm/technology.ts';
import { parseCertificate } from '../../packages/attest/src/x509/certificate.ts';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { attest } from './codes.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const MALFORMED = attest('attest/malformed', 'attest/too-large');
const CERTIFICATES = attest('attest/malformed', 'attest/too-large', 'attest/bad-certificate');
/** Where the claims begin in an HCL report. */
const RUNTIME = 0x4d4;
const of = (byte: string) => byte.repeat(32);
const QUOTE = {
  extraData: new Uint8Array(32).fill(1),
  registers: { 0: of('a0'), 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9') },
};

async function evidenceTarget(device: FakeTpm): Promise<Target> {
  const { message } = await device.quote(QUOTE);
  const padded = new Uint8Array(2048);
  padded.set(device.certificate);
  const context = {
    at: NOW,
    collateral: NO_COLLATERAL,
    roots: { 'microsoft-tpm': [parseCertificate(device.root)] },
  };
  return {
    name: 'attest.parseTpm',
    covers: [
      'attest/parseTpm',
      'attest/readDocument',
      'attest/decodeQuote',
      'attest/readQuote',
      'attest/readRegisters',
      'attest/verifyAkChain',
    ],
    form: 'json',
    words: ['akCertificates', 'ak', 'quote', 'pcrs', 'bank', 'values', 'message', 'signature'],
    seeds: [await device.evidence(QUOTE), device.certificate, padded],
    run: async (input) =>
      judgeAsync(
        CERTIFICATES,
        async () => parseTpm(input),
        async (parsed) => {
          if (parsed.kind !== 'quote') return;
          const pinned = tpm.pin(parsed);
          const entry = {
            ...pinned,
            ak: { vendors: ['microsoft-tpm' as const], revocation: { waived: 'fuzzing' } },
          };
          const { claims } = await tpm.verify(parsed, entry, context);
          const genuine = bytesEqual(parsed.quote.message, message);
          expect(claims === undefined || genuine, 'false-accept', 'A quote is authentic that no TPM signed.');
          if (claims) await tpm.appraise(claims, entry, context);
        },
      ),
  };
}

async function structureTargets(device: FakeTpm): Promise<Target[]> {
  const { message, signature } = await device.quote(QUOTE);
  const ecdsa = hexDecode(`0018000b0020${of('11')}0020${of('22')}`);
  return [
    {
      name: 'attest.parseQuoteInfo',
      covers: ['attest/parseQuoteInfo'],
      form: 'bytes',
      seeds: [message],
      run: (input) =>
        judge(
          MALFORMED,
          () => parseQuoteInfo(input),
          ({ selected }) => {
            expect(selected.length > 0, 'false-accept', 'A quote over nothing is read.');
          },
        ),
    },
    {
      name: 'attest.parseTpmKey',
      covers: ['attest/parseTpmKey'],
      form: 'bytes',
      seeds: [await device.publicArea()],
      run: (input) =>
        judge(
          MALFORMED,
          () => parseTpmKey(input),
          ({ bytes }) => {
            expect(bytesEqual(bytes, input), 'round-trip', 'It keeps other bytes.');
          },
        ),
    },
    {
      name: 'attest.parseTpmSignature',
      covers: ['attest/parseTpmSignature'],
      form: 'bytes',
      seeds: [signature, ecdsa],
      run: (input) =>
        judge(
          MALFORMED,
          () => parseTpmSignature(input),
          () => undefined,
        ),
    },
    {
      name: 'attest.readAkCertificates',
      covers: ['attest/readAkCertificates', 'attest/readPaddedCertificate'],
      form: 'bytes',
      seeds: [device.certificate],
      run: (input) => {
        const one = judge(
          CERTIFICATES,
          () => readPaddedCertificate(input),
          () => undefined,
        );
        judge(
          CERTIFICATES,
          () => readAkCertificates(input),
          () => undefined,
        );
        return one;
      },
    },
  ];
}

/** Evidence of a machine under a made-up AMD, and what judges it. */
async function azureWorld(machine: FakeHcl) {
  const amd = await fakeAmd('Milan', NOW);
  const vcek = await amd.endorse('VCEK');
  const options = {
    ...QUOTE,
    report: (reportData: Uint8Array) => amd.report(vcek, { reportData }),
    vcek: [vcek.certificate],
  };
  const files = [amd.askCertificate, await amd.revocationList()];
  const collateral = readCollateral(files.map((bytes) => ({ name: 'file', bytes })));
  const context = { at: NOW, collateral, roots: { amd: [parseCertificate(amd.root)] } };
  const evidence = await machine.evidence(options);
  return { evidence, entry: azureCvm.pin(parseAzure(evidence)), context };
}

async function azureTargets(machine: FakeHcl): Promise<Target[]> {
  const report = await machine.hclReport();
  const { message } = await machine.tpm.quote(QUOTE);
  const { evidence, entry, context } = await azureWorld(machine);
  const { runtime: genuineRuntime } = parseAzure(evidence).hcl;
  return [
    {
      name: 'attest.parseHclReport',
      covers: ['attest/parseHclReport'],
      form: 'bytes',
      seeds: [report],
      run: (input) =>
        judge(
          MALFORMED,
          () => parseHclReport(input),
          ({ runtime, report: hardware }) => {
            const same = bytesEqual(runtime, input.subarray(RUNTIME, RUNTIME + runtime.length));
            expect(same && hardware.length === 1184, 'round-trip', 'It keeps other bytes.');
          },
        ),
    },
    {
      name: 'attest.parseAzure',
      covers: ['attest/parseAzure', 'attest/verifyHardware', 'attest/verifyReport', 'attest/verifyAzure'],
      form: 'json',
      words: [
        'hclReport',
        'quote',
        'pcrs',
        'vcek',
        'tdQuote',
        'hcl_report',
        'tpm_quote',
        'td_quote',
        'report',
      ],
      seeds: [evidence],
      run: async (input) =>
        judgeAsync(
          CERTIFICATES,
          async () => parseAzure(input),
          async (parsed) => {
            const { claims } = await azureCvm.verify(parsed, entry, context);
            const signed = parsed.quote !== undefined && bytesEqual(parsed.quote.message, message);
            const genuine = signed && bytesEqual(parsed.hcl.runtime, genuineRuntime);
            expect(
              claims === undefined || genuine,
              'false-accept',
              'Evidence is authentic that nobody signed.',
            );
            if (claims) await azureCvm.appraise(claims, entry, context);
            return claims ? 'authentic' : 'not authentic';
          },
        ),
    },
  ];
}

export async function tpmTargets(): Promise<Target[]> {
  const device = await FakeTpm.create(NOW);
  const machine = await FakeHcl.create(NOW);
  return [
    await evidenceTarget(device),
    ...(await structureTargets(device)),
    ...(await azureTargets(machine)),
  ];
}
