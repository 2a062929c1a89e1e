// A contract as it is shown before a signature: who signs, each root's fingerprint and how it was checked, what may leave,
// and the warnings first.
import type { ContractReview } from '@sealroom/client';
import type { ParameterType } from '@sealroom/contract';
import { keyThumbprint } from '@sealroom/cose';
import { entryWords, simulatedWords } from './entry-words.ts';
import { bytesText, facts, short, timeText } from '../terminal/text.ts';

const CHECKED: Readonly<Record<string, string>> = {
  own: 'your own root',
  'out-of-band': 'compared out of band',
  'did-web': 'from its did:web document',
};

const CUSTODY: Readonly<Record<string, string>> = {
  own: 'run by the organisation itself',
  attested: 'runs in a measured room',
  operator: 'the operator can read this',
};

function partiesText({ parties }: ContractReview): string {
  return parties
    .map(({ org, role, name, fingerprint, checked, signed, custody }) =>
      facts([
        ['party', `${name ?? '(unknown here)'}, ${role}`],
        ['organisation', org],
        ['fingerprint', fingerprint],
        [
          'checked',
          checked === undefined ? 'NOT COMPARED: must not be signed with' : (CHECKED[checked] ?? checked),
        ],
        ['signed', signed ? 'yes' : 'not yet'],
        ['vault custody', custody && `${custody} (${CUSTODY[custody] ?? ''})`],
      ]),
    )
    .join('\n');
}

async function roomText(
  { contract: { room } }: ContractReview,
  ownLaunch: string | undefined,
): Promise<string> {
  const simulated: string[] = [];
  const hardware: string[] = [];
  for (const entry of room.accept) {
    if (entry.technology !== 'simulated') hardware.push(...entryWords(entry), '');
    else simulated.push(simulatedWords(entry, await Promise.all(entry.keys.map(keyThumbprint)), ownLaunch));
  }
  const limits = facts([
    ['rooms', simulated.length > 0 ? simulated.join('; ') : 'hardware, by what its vendor signs:'],
    ['isolation', `${room.isolation} or stronger`],
    ['network', room.network],
    ['at most', `${room.maxVcpu} processors, ${room.maxMemoryGiB} GiB, ${room.maxMinutes} min`],
  ]);
  return hardware.length === 0 ? limits : `${limits}\n${hardware.join('\n')}`;
}

/** What values a parameter takes. */
function rangeText(type: ParameterType): string {
  return Object.entries(type)
    .map(([name, value]) => (name === 'type' ? String(value) : `${name} ${JSON.stringify(value)}`))
    .join(', ');
}

/** @param ownLaunch launch digest of the room program installed here, to compare with */
export async function reviewText(review: ContractReview, ownLaunch?: string): Promise<string> {
  const { contract, digest, warnings, problems } = review;
  const { output, quota, datasets, algorithms, parameters } = contract;
  const marks = [
    ...problems.map((problem) => `PROBLEM: ${problem}\n`),
    ...warnings.map((warning) => `WARNING: ${warning}\n`),
  ].join('');
  const declared = Object.entries(parameters).map(([name, type]) => `${name} (${rangeText(type)})`);
  return [
    marks,
    marks === '' ? '' : '\n',
    partiesText(review),
    '\n',
    facts([
      ['contract', digest],
      ['purpose', contract.purpose],
      ['holds', `${timeText(contract.notBefore)} to ${timeText(contract.notAfter)}`],
      ['datasets', datasets.map((item) => `${item.digest} (${item.sensitivity}, ${item.access})`).join(', ')],
      ['algorithm', algorithms.map((item) => item.package).join(', ')],
      ['criteria', contract.criteria],
      ['parameters', declared.join(', ') || 'none'],
      [
        'leaves',
        `${output.classes.join(', ')}; ${bytesText(output.maxBytes)}, at most ${output.maxBits} bits each`,
      ],
      ['goes to', output.recipients.map(({ org, key }) => `${short(org)} key ${key.slice(-8)}`).join(', ')],
      ['runs', `${quota.runs}, with ${quota.attemptsPerRun} attempt(s) each`],
      ['ledger', contract.ledger.origin],
    ]),
    await roomText(review, ownLaunch),
  ].join('');
}
