// Intel: quotes of SGX and TDX, statements of the provisioning service, firmware and event logs that are measured.
import { appraiseEvidence, type CollateralFile, type Policy, readCollateral } from '@sealroom/attest';
import { bytesEqual, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { FakeIntel, sgxBody, tdBody } from '@sealroom/testkit/vendors/intel';
import { intelCollateral } from '../../packages/attest/src/intel/collateral.ts';
import { parseQuote } from '../../packages/attest/src/intel/quote.ts';
import { parseSgxReport } from '../../packages/attest/src/intel/report.ts';
import { parseQeIdentity, parseTcbInfo } from '../../packages/attest/src/intel/statements.ts';
import { memberTexts } from '../../packages/attest/src/intel/text.ts';
import { verifyQuote } from '../../packages/attest/src/intel/verify.ts';
import { parseSgxQuote } from '../../packages/attest/src/sgx/parse.ts';
import { sgx } from '../../packages/attest/src/sgx/technology.ts';
import { verifySgx } from '../../packages/attest/src/sgx/verify.ts';
import { parseEventLog, replayEventLog } from '../../packages/attest/src/tdx/measure/event-log.ts';
import { madeFirmware } from '../../packages/attest/src/tdx/measure/images-for-tests.ts';
import { measureMrTd } from '../../packages/attest/src/tdx/measure/mrtd.ts';
import { parseTdvf } from '../../packages/attest/src/tdx/measure/tdvf.ts';
import { parseTdxQuote } from '../../packages/attest/src/tdx/parse.ts';
import { tdx } from '../../packages/attest/src/tdx/technology.ts';
import { verifyTdx } from '../../packages/attest/src/tdx/verify.ts';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { attest, bytes } from './codes.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const REFUSED = attest('attest/malformed', 'attest/too-large');

async function world(intel: FakeIntel, technology: 'sgx' | 'tdx') {
  const quotes =
    technology === 'sgx'
      ? [await intel.quote(3, sgxBody())]
      : [
          await intel.quote(4, tdBody()),
          await intel.quote(5, tdBody({}, true), { padding: new Uint8Array(40) }),
          await intel.quote(5, tdBody()),
        ];
  const files = await intel.collateral(technology);
  return { quotes, files, context: { at: NOW, collateral: readCollateral(files), roots: intel.roots } };
}

type World = Awaited<ReturnType<typeof world>>;

/** What is found authentic or affirmed must be what an attestation key signed. */
function quoteTarget(technology: 'sgx' | 'tdx', { quotes, context }: World): Target {
  const genuine = new Set(quotes.map((quote) => hexEncode(parseQuote(quote).signed)));
  const covers = {
    sgx: ['parseSgxQuote', 'parseSgxReport', 'verifySgx', 'appraiseSgx'],
    tdx: ['parseTdxQuote', 'parseQuote', 'verifyQuote', 'verifyTdx', 'appraiseTdx'],
  };
  const check = async (input: Uint8Array): Promise<string> => {
    const { signed } = parseQuote(input);
    const real = genuine.has(hexEncode(signed));
    expect(bytesEqual(signed, input.slice(0, signed.length)), 'round-trip', 'It keeps other bytes.');
    const parsed = technology === 'sgx' ? sgx.parse(input) : tdx.parse(input);
    const accept = technology === 'sgx' ? [sgx.pin(parseSgxQuote(input))] : [tdx.pin(parseTdxQuote(input))];
    const verified =
      technology === 'sgx'
        ? await verifySgx(parseSgxQuote(input), { revocation: 'required' }, context)
        : await verifyTdx(parseTdxQuote(input), { revocation: 'required' }, context);
    expect(verified.claims === undefined || real, 'false-accept', 'A quote is authentic that nobody signed.');
    const quoted = await verifyQuote(parsed.quote, technology, { revocation: 'required', context });
    expect(quoted.platform === undefined || real, 'false-accept', 'A quote is authentic that nobody signed.');
    const policy: Policy = { v: 1, binding: { reportData: '00' }, accept, distrust: [] };
    const body = Buffer.from(input).toString('base64url');
    const { verdict, checks } = await appraiseEvidence({ technology, body }, policy, { context });
    expect(verdict === 'refused' || real, 'false-accept', 'A quote is affirmed that nobody signed.');
    return checks
      .filter(({ outcome }) => outcome !== 'pass')
      .map(({ id }) => id)
      .join(' ');
  };
  return {
    name: `attest.verify(${technology})`,
    covers: covers[technology].map((name) => `attest/${name}`),
    form: 'bytes',
    seeds: quotes,
    turn: 8,
    run: (input) =>
      judgeAsync(
        REFUSED,
        async () => (technology === 'sgx' ? parseSgxQuote(input) : parseTdxQuote(input)),
        () => check(input),
      ),
  };
}

const reportTarget = (): Target => ({
  name: 'attest.parseSgxReport',
  covers: ['attest/parseSgxReport'],
  form: 'bytes',
  seeds: [sgxBody()],
  run: (input) =>
    judge(
      [...attest('attest/malformed'), ...bytes('bytes/truncated', 'bytes/trailing')],
      () => parseSgxReport(input),
      ({ mrEnclave }) =>
        expect(bytesEqual(mrEnclave, input.slice(64, 96)), 'disagreement', 'It reads another enclave.'),
    ),
});

/** A statement counts only with the text that was signed. */
function statementTarget(quote: Uint8Array, { files, context }: World): Target {
  const texts = files.filter(({ name }) => name.endsWith('.json')).map((file) => file.bytes);
  const decode = (text: Uint8Array) => new TextDecoder().decode(text);
  const signed = new Set(
    texts.flatMap((text) => [...memberTexts(decode(text)).values()]).filter((text) => text.startsWith('{')),
  );
  const rest = readCollateral(files.filter(({ name }) => !name.endsWith('.json')));
  const parsed = parseTdxQuote(quote);
  return {
    name: 'attest.intelCollateral',
    covers: ['attest/parseTcbInfo', 'attest/parseQeIdentity'],
    form: 'json',
    seeds: texts,
    words: ['tcbInfo', 'enclaveIdentity', 'signature', 'UpToDate', 'tcbLevels', 'issueDate'],
    run: async (input) => {
      const text = decode(input);
      parseTcbInfo(text);
      parseQeIdentity(text);
      const file: CollateralFile = { name: 'fuzzed', bytes: input };
      const read = readCollateral([file]);
      const { tcbInfos, qeIdentities } = intelCollateral(read);
      const found = [...tcbInfos, ...qeIdentities];
      const collateral = {
        certificates: [...rest.certificates, ...read.certificates],
        crls: [...rest.crls, ...read.crls],
        documents: [...rest.documents, ...read.documents],
        others: [...rest.others, ...read.others],
      };
      const { checks } = await verifyTdx(parsed, { revocation: 'required' }, { ...context, collateral });
      const good = checks.filter(
        ({ id, outcome }) => outcome === 'pass' && (id === 'tdx/tcb-info' || id === 'tdx/qe-identity'),
      );
      const real = found.some((one) => signed.has(one.text));
      expect(good.length === 0 || real, 'false-accept', 'A statement counts that nobody signed.');
      const failed = checks.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
      return { accepted: good.length > 0, note: `${found.length} ${failed.join(' ')}` };
    },
  };
}

const firmwareTarget = (): Target => ({
  name: 'attest.parseTdvf',
  covers: ['attest/parseTdvf'],
  form: 'bytes',
  seeds: [
    madeFirmware(
      0x2000,
      [
        { address: 0xffff_e000, size: 0x1000, type: 0, attributes: 1, offset: 0x1000 },
        { address: 0x80_9000, size: 0x2000, type: 2, attributes: 0 },
      ],
      7,
    ),
  ],
  run: (input) =>
    judgeAsync(
      REFUSED,
      async () => parseTdvf(input),
      async (sections) => {
        const pages = sections.reduce((sum, { size }) => sum + size / 4096, 0);
        if (pages < 512)
          expect((await measureMrTd(input)).length === 48, 'disagreement', 'It measures nothing.');
        return sections.map(({ type, extend }) => `${type}${extend ? 'x' : ''}`).join(' ');
      },
    ),
});

const LOG = hexDecode(
  `010000000300000000000000000000000000000000000000000000001000000053706563204944204576656e74303300` +
    `010000000a000080010000000c00${'ab'.repeat(48)}02000000cafe` +
    `040000000400000002000000` +
    `0b00${'01'.repeat(32)}0c00${'cd'.repeat(48)}00000000ffffffff`,
);

const logTarget = (): Target => ({
  name: 'attest.parseEventLog',
  covers: ['attest/parseEventLog'],
  form: 'bytes',
  seeds: [LOG],
  run: (input) =>
    judgeAsync(
      REFUSED,
      async () => parseEventLog(input),
      async (events) => {
        const registers = await replayEventLog(events);
        expect(registers.length === 4, 'disagreement', 'A TD has four registers.');
        return `${Math.min(events.length, 8)} events`;
      },
    ),
});

export async function intelTargets(): Promise<Target[]> {
  const intel = await FakeIntel.create(NOW);
  const [enclave, domain] = [await world(intel, 'sgx'), await world(intel, 'tdx')];
  const quote = domain.quotes[0] ?? utf8Encode('');
  return [
    quoteTarget('sgx', enclave),
    quoteTarget('tdx', domain),
    reportTarget(),
    statementTarget(quote, domain),
    firmwareTarget(),
    logTarget(),
  ];
}
