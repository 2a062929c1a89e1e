// Results in words.
import type { Result } from '@sealroom/attest';
import { facts, table, timeText } from '../terminal/text.ts';
import { line } from './inspect.ts';

/** What is said of parts of evidence that are as they should be. */
const PARTS: Readonly<Record<Result['scope'], string | undefined>> = {
  evidence: undefined,
  chain: 'Affirmed: the certificates lead to a pinned root. NO ROOM WAS PROVED: this is only a chain.',
  report:
    'Affirmed: the hardware vouches for the report. NO ROOM WAS PROVED: nothing quotes for anybody’s nonce.',
};

/** A room of several parts: each by itself. */
function partsText({ submods }: Result): string {
  const parts = Object.entries(submods);
  if (parts.length < 2) return '';
  const rows = parts.map(([name, { technology, status, platform, vector }]) => [
    name,
    technology,
    status,
    line(platform ?? 'not authenticated'),
    Object.entries(vector)
      .filter(([, value]) => value >= 32)
      .map(([claim, value]) => `${claim} ${value}`)
      .join(', ') || 'nothing',
  ]);
  return `\n${table(['part', 'technology', 'status', 'platform', 'trust vector warns of'], rows, '')}`;
}

export function resultText(result: Result): string {
  const { verdict, reasons, waivers, hardware, status, platform, collateral, policy, notAfter } = result;
  const part = PARTS[result.scope];
  const affirmed = part ?? 'Affirmed: the evidence satisfies the policy.';
  const head = verdict === 'affirmed' ? affirmed : 'Refused.';
  const list = (title: string, lines: readonly string[]) =>
    lines.length === 0 ? '' : `\n${title}\n${lines.map((text) => `  ${line(text)}\n`).join('')}`;
  return [
    hardware ? '' : 'NOT HARDWARE: this technology proves nothing about hardware.\n',
    `${head}\n`,
    list(
      'What does not hold:',
      reasons.map(({ code, detail }) => `${detail} [${code}]`),
    ),
    list(
      'Let pass unchecked, as the policy says:',
      waivers.map(({ detail, reason }) => `${detail} (${reason})`),
    ),
    '\n',
    facts([
      ['technology', result.technology],
      ['status', status],
      ['platform', line(platform ?? 'not authenticated')],
      ['policy', policy],
      ['judged at', timeText(result.at)],
      ['valid from', timeText(result.notBefore)],
      ['valid until', timeText(notAfter)],
    ]),
    partsText(result),
    collateral.length === 0
      ? ''
      : `\n${table(
          ['collateral', 'of', 'until'],
          collateral.map((one) => [one.kind, line(one.subject), timeText(one.notAfter)]),
          '',
        )}`,
  ].join('');
}
