// That vectors/attest/verdicts.json leaves no file of the shared vectors out, and that docs/attestation.md says what it says. The
// verdicts themselves: apps/cli/src/attest/vectors.test.ts, and browser.test.ts in a browser.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCollateral, vendorRoots } from '@sealroom/attest';
import { hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { filesOf } from '@sealroom/testkit/verdicts';
import { describe, expect, test } from 'vitest';
import { pageWith, publishedPageWith, readPublished, readTable } from '../vectors/verdicts-table.ts';

const ROOT = join(import.meta.dirname, '..');
const SETS = [
  'sev-snp',
  'tdx',
  'sgx-dcap',
  'aws-nitro',
  'azure-vtpm',
  'azure-maa',
  'gcp-confidential-space',
  'nvidia',
  'vtpm-gcp',
] as const;
const folders = SETS.map((set) => ({ set, folder: sharedVectors(set) }));
const { cases, others } = readTable();
const evidence = new Set(cases.map((row) => row.evidence));
const read = (file: string) => readFileSync(join(folders[0]?.folder ?? '', '..', file));

test('the page on attestation has the tables that the verdicts give', () => {
  const page = readFileSync(join(ROOT, 'docs', 'attestation.md'), 'utf8');
  expect(page).toBe(pageWith(readTable(), page));
  for (const file of [...evidence, ...others.map((one) => one.file)])
    expect(page, file).toContain(file.split('/').at(-1));
});

test('the page on what others have published has the tables that their verdicts give', () => {
  const page = readFileSync(join(ROOT, 'docs', 'attestation', 'published.md'), 'utf8');
  expect(page).toBe(publishedPageWith(readPublished(), page));
});

test('a refusal names its reasons, and nothing that is affirmed has any', () => {
  expect(cases.length).toBeGreaterThan(100);
  for (const { evidence: name, verdict, codes } of [...cases, ...readPublished().cases]) {
    expect(codes.length > 0, name).toBe(verdict === 'refused');
    expect(new Set(codes).size, name).toBe(codes.length);
  }
});

test('what is no evidence stands beside some in a row, or has a reason why not', () => {
  const used = new Set(cases.flatMap(filesOf));
  for (const { file, is, why } of others) {
    expect(evidence.has(file), file).toBe(false);
    if (is === 'collateral') expect(used.has(file), file).toBe(true);
    if (is === 'unused' || is === 'words' || is === 'part') expect(used.has(file), file).toBe(false);
    expect(why.length, file).toBeGreaterThan(10);
    for (const [path] of why.matchAll(/packages\/[\w./-]+\.ts/g)) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
      if (is === 'unused')
        expect(readFileSync(join(ROOT, path), 'utf8'), path).toContain(file.split('/').at(-1));
    }
  }
});

describe.skipIf(folders.some(({ folder }) => folder === undefined))('the shared vectors', () => {
  test.each(folders)(
    '$set: every file is evidence of a row, or listed with what it is',
    ({ set, folder }) => {
      const found = readdirSync(folder ?? '', { recursive: true, withFileTypes: true });
      const files = found.filter((one) => one.isFile()).map(({ name }) => `${set}/${name}`);
      const listed = [...evidence, ...others.map(({ file }) => file)];
      expect(listed.filter((file) => file.startsWith(`${set}/`)).toSorted()).toEqual(files.toSorted());
      expect(cases.some((row) => row.evidence.startsWith(`${set}/`))).toBe(true);
    },
  );

  test('hold the roots that are pinned', () => {
    const pinned = new Set(
      Object.values(vendorRoots()).flatMap((all) => all.map(({ der }) => hexEncode(der))),
    );
    const roots = others.filter(({ is }) => is === 'root');
    expect(roots.length).toBeGreaterThan(5);
    for (const { file } of roots) {
      const { certificates } = readCollateral([{ name: file, bytes: read(file) }]);
      expect(certificates.length, file).toBeGreaterThan(0);
      for (const { der } of certificates) expect(pinned.has(hexEncode(der)), file).toBe(true);
    }
  });

  test('hold a part twice, the same', () => {
    const json = (file: string) => JSON.parse(read(file).toString('utf8')) as { tpm_quote?: unknown };
    const parts = others.filter(({ is }) => is === 'part');
    expect(parts.map(({ file }) => file)).toEqual(['azure-vtpm/coco-tdx-tpm-quote-v1.json']);
    expect(json('azure-vtpm/coco-tdx-evidence-v1.json').tpm_quote).toEqual(
      json('azure-vtpm/coco-tdx-tpm-quote-v1.json'),
    );
  });
});
