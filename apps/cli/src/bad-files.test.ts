// Files that others hand over, or that somebody changed on this disk, are refused in every form that two readers could take
// for two things.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { playWorld } from '@sealroom/testkit/receipt';
import { beforeAll, describe, expect, it } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from './cli-for-tests.ts';
import type { Context } from './context.ts';
import { inputOf } from './input.ts';
import { termsOf } from './run-config/terms.ts';

let receipt: Uint8Array;
beforeAll(async () => {
  const ledger = await createFakeLedger({ origin: 'ledger.test' });
  ({ receipt } = await playWorld(ledger, Date.parse('2026-11-22T10:00:00Z')));
});

const codeOf = async (argv: readonly string[]): Promise<string> => {
  const { json, exit } = await sealroom([...argv, '--json'], { answers: { secrets: ['a passphrase'] } });
  expect(exit).not.toBe(0);
  return (json as { code: string }).code;
};

describe.each(BAD_JSON)('a file with %s', (_, body) => {
  it('is no receipt, trust file, identity request, pins or identity', async () => {
    const folder = await temporaryFolder();
    const bad = await fileIn(folder, 'bad.json', body);
    expect(await codeOf(['receipt', 'verify', bad])).toBe('receipt/malformed');
    const good = await fileIn(folder, 'receipt.json', receipt);
    expect(await codeOf(['receipt', 'verify', good, '--trust', bad])).toBe('trust/malformed');
    const home = join(folder, 'home');
    await mkdir(home, { mode: 0o700 });
    expect(await codeOf(['--home', home, 'identity', 'vouch', bad])).toBe('cli/bad-file');
    await fileIn(home, 'settings.json', body);
    expect(await codeOf(['--home', home, 'org', 'show'])).toBe('cli/bad-file');
  });
});

describe('terms in YAML', () => {
  const termsFrom = async (text: string) => {
    const terms = await fileIn(await temporaryFolder(), 'terms.yaml', text);
    const context = { now: () => Date.parse('2026-11-22T10:00:00Z') } as Context;
    return termsOf(context, inputOf([], { terms }), 64);
  };

  it.each([
    ['anchors that multiply', 'purpose: &a a\njurisdiction: *a\n'],
    ['a key twice', 'purpose: a\npurpose: b\n'],
    ['a tag', 'purpose: !!js/function "function(){}"\n'],
    ['a merge key', '<<: { purpose: a }\n'],
    ['a name of the prototype', '__proto__: { purpose: a }\n'],
    ['a parameter that a loader reads', 'parameters: { LD_PRELOAD: { type: boolean } }\n'],
    ['a number that is none', 'maxAgeSeconds: .nan\n'],
    ['a number that is too large', 'quota: { runs: 99999999999999999999 }\n'],
    ['a time that does not exist', 'notAfter: 2027-02-30T00:00:00Z\n'],
    ['two documents', 'purpose: a\n---\npurpose: b\n'],
  ])('are refused with %s', async (_, text) => {
    await expect(termsFrom(text)).rejects.toMatchObject({ code: 'cli/bad-file' });
  });

  it('are taken in the plain form', async () => {
    expect(await termsFrom('purpose: a\nquota: { runs: 3 }\n')).toMatchObject({
      purpose: 'a',
      quota: { runs: 3, attemptsPerRun: 1 },
    });
  });
});
