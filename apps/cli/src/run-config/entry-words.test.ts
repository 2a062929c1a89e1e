// What a contract asks of hardware rooms, in words: everything that an entry pins is shown, and nothing in it can draw on the
// terminal.
import { type Entry, technologyOf } from '@sealroom/attest';
import { snpPlatform, snpVendor, tdxPlatform } from '@sealroom/testkit/hardware';
import { FakeIntel } from '@sealroom/testkit/vendors/intel';
import { expect, test } from 'vitest';
import { entryWords } from './entry-words.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
type Hardware = Exclude<Entry, { technology: 'simulated' }>;
const snp = async (entry: object = {}) =>
  (await snpPlatform(await snpVendor(NOW), { entry })).entry as Hardware;
const tdx = async () => (await tdxPlatform(await FakeIntel.create(NOW))).entry as Hardware;

test('shows the value of every member, each by the field that is signed', async () => {
  for (const entry of [await snp(), await tdx()]) {
    const text = entryWords(entry).join('\n');
    expect(text).toContain(technologyOf(entry.technology).title);
    for (const [name, value] of Object.entries(entry)) {
      if (Array.isArray(value)) for (const one of value) expect(text, name).toContain(String(one));
      else if (typeof value === 'object' && !('any' in value))
        expect(text, name).toContain(JSON.stringify(value).slice(1, 20));
    }
    // Members whose name stands for itself would have no words; here all have.
    for (const line of entryWords(entry).slice(1)) expect(line).toMatch(/^ {2}[^:]*[a-zA-Z]{2}[^:]*: /);
    expect(text).not.toMatch(/^ {2}(?:launch|mrTd|minimumTcb|tcb|attributes): /m);
  }
  expect((await tdx()) && entryWords(await tdx()).join('\n')).toContain('mrConfigId');
});

test('says aloud what is not looked at', async () => {
  const reason = 'no list is published for these';
  const entry = await snp({ platforms: { any: 'accepted' }, revocation: { waived: reason } });
  const text = entryWords(entry).join('\n');
  expect(text).toContain('ANY is accepted');
  expect(text).toContain(`NOT REQUIRED, because: ${reason}`);
  expect(entryWords(await snp({ launch: [] })).join('\n')).toContain('accepts nothing');
  const software = { ...(await snp()), hostData: undefined, runBinding: 'software' } as Hardware;
  expect(entryWords(software)[1]).not.toBe(entryWords(entry)[1]);
  const launched = entryWords({ ...software, launchData: ['0a'.repeat(32)] } as Hardware).join('\n');
  expect(launched).toMatch(/code: HOST_DATA.*: (?:0a)+/);
});

test('lets no text of another party draw on the terminal, and shows members that it has no words for', async () => {
  const entry = await snp({ revocation: { waived: '\u001b[2Jnothing to see here\nrun: good' } });
  const made = Object.assign(entry, { somethingNew: ['x'] });
  const lines = entryWords(made);
  expect(lines.join('')).not.toMatch(/[\p{Cc}]/u);
  expect(lines).toContain('  somethingNew: x');
});
