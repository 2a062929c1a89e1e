// A verified receipt in words; "not hardware-attested" comes first where it is true.
import type { Basis, KeySource, VerifiedReceipt } from '@sealroom/contract';
import { printable } from '../error.ts';
import { bytesText, facts, short, timeText } from '../terminal/text.ts';

const VERDICTS: Readonly<Record<VerifiedReceipt['verdict'], string>> = {
  pinned: 'Verified: signed by the parties you pinned.',
  consistent:
    'Consistent only: it proves what it says by the keys it names itself. Give --trust FILE to know whose keys they are.',
};

/** Why a receipt's evidence proves no hardware to its reader. */
const UNPROVED: Readonly<Record<Basis, string>> = {
  roots: '',
  reader: '',
  simulator: 'the room was simulated.',
  contract: 'the evidence is signed with a key that the contract names, and that you do not pin.',
  vaults:
    'the evidence is signed with a key that is the token service’s by the word of the run’s vaults alone.',
};

function sourceText({ issuer, sha256, vouchedBy, vaults }: KeySource): string {
  const set = `Keys of ${printable(issuer)} (set ${sha256.slice(0, 12)}…)`;
  if (vouchedBy === 'reader') return `${set}: given or pinned by you.\n`;
  if (vouchedBy === 'contract') return `${set}: pinned by the contract.\n`;
  const words = vaults.map(
    ({ vault, origin, fetchedAt, notAfter }) =>
      `  vault ${short(vault)}: ${origin} ${timeText(fetchedAt)}, believed until ${timeText(notAfter)}\n`,
  );
  return `${set}, as these vaults say:\n${words.join('')}`;
}

export function receiptText(receipt: VerifiedReceipt): string {
  const { finished, request, ledger, contracts, verdict, hardwareAttested, statements } = receipt;
  const { technology, platform, devices, at, waivers, basis, keySources } = receipt.attestation;
  const custody = finished.custody.map((item) => `${short(item.org)} ${item.custody}`).join(', ');
  const parties = contracts
    .flatMap(({ contract }) => contract.participants)
    .map(({ role, org }) => `${role} ${org}`)
    .join(', ');
  return [
    hardwareAttested ? '' : `NOT HARDWARE-ATTESTED: ${UNPROVED[basis]}\n`,
    ...keySources.map(sourceText),
    ...waivers.map(
      ({ code, reason }) =>
        `NOT CHECKED, as the contract lets pass: ${code}. ${printable(reason).replaceAll('\n', ' ')}\n`,
    ),
    `${VERDICTS[verdict]}\n\n`,
    facts([
      ['run', finished.run],
      ['outcome', finished.outcome],
      ['finished', timeText(finished.finishedAt)],
      ['room', `${technology} on ${platform}`],
      ...devices.map((device) => ['device', `${device.technology}, ${device.platform}`] as const),
      ['evidence judged at', timeText(at)],
      ['isolation', finished.isolation],
      ['contract', finished.contract],
      ['parties', parties],
      ['datasets', finished.datasets.join(', ')],
      ['algorithm', finished.algorithms.join(', ')],
      ['criteria', finished.criteria],
      ['parameters', JSON.stringify(request.parameters)],
      ['sealed output', finished.output ?? 'none'],
      ['charged', `${finished.bits} bits, ${bytesText(finished.bytes)}`],
      ['custody', custody],
      ['ledger', `${ledger.origin}, ${ledger.size} entries`],
      ['statements', `${statements.length}, each in the ledger`],
    ]),
  ].join('');
}

export function receiptJson(receipt: VerifiedReceipt): object {
  const { verdict, hardwareAttested, attestation, finished, request, ledger, contracts } = receipt;
  return {
    ok: true,
    verdict,
    hardwareAttested,
    attestation,
    run: finished.run,
    outcome: finished.outcome,
    finished,
    request,
    ledger,
    contracts: contracts.map(({ digest }) => digest),
  };
}
