// The breast-cancer example: its data, model, criteria and packages (examples/breast-cancer/README.md).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Digest } from '@sealroom/bytes';
import { describe, expect, test } from 'vitest';
import { pythonForTests } from './python-for-tests.ts';
import { readPackage } from './read.ts';
import { runPackage } from './run-package-for-tests.ts';
import { startStubEnclave, type StubEnclave } from './stub-enclave.ts';

const example = join(import.meta.dirname, '..', '..', '..', '..', 'examples', 'breast-cancer');
const read = (path: string) => readFileSync(join(example, path));
const lines = (path: string) => read(path).toString('utf8').trimEnd().split('\n');
const dataset = new Map([['validation.csv', read('data/steward/validation.csv')]]);
const python = pythonForTests();
const METRICS = ['accuracy', 'sensitivity', 'specificity'];

/** Whether the report has the three metrics and no other member, as criteria.json asks. */
function agreed(data: unknown): boolean {
  const { report } = data as { report: Readonly<Record<string, unknown>> };
  return JSON.stringify(Object.keys(report).sort()) === JSON.stringify(METRICS);
}

async function withStub<Value>(use: (stub: StubEnclave) => Promise<Value>): Promise<Value> {
  const stub = await startStubEnclave(dataset, agreed);
  try {
    return await use(stub);
  } finally {
    await stub.stop();
  }
}

function expectBounded(rules: unknown): void {
  const { type, schema, items, min, max } = rules as Readonly<Record<string, unknown>>;
  if (type === 'dict') {
    for (const member of Object.values(schema as object)) {
      expect(member).toMatchObject({ required: true });
      expectBounded(member);
    }
  } else if (type === 'list') {
    for (const member of items as readonly unknown[]) expectBounded(member);
  } else {
    expect(['float', 'integer']).toContain(type);
    expect([typeof min, typeof max]).toEqual(['number', 'number']);
  }
}

describe('the breast-cancer example', () => {
  test('gives every record to one side, by its number', async () => {
    const [header, ...all] = lines('data/breast_cancer.csv');
    const [vendorHeader, ...vendor] = lines('data/vendor/training.csv');
    const [stewardHeader, ...steward] = lines('data/steward/validation.csv');
    expect([vendorHeader, stewardHeader]).toEqual([header, header]);
    const numberOf = (line: string) => Number(line.split(',')[0]);
    expect(all.map(numberOf)).toEqual(Array.from({ length: 569 }, (_, index) => index + 1));
    expect(vendor).toEqual(all.filter((line) => numberOf(line) % 2 === 1));
    expect(steward).toEqual(all.filter((line) => numberOf(line) % 2 === 0));
    const values = (line: string) => line.slice(line.indexOf(','));
    const known = new Set(vendor.map(values));
    expect(steward.filter((line) => known.has(values(line)))).toEqual([]);
  });

  test('attests the file that the steward has', async () => {
    const digest = await sha256Digest(read('data/steward/validation.csv'));
    expect(read('attestation.md').toString('utf8')).toContain(digest.slice('sha256:'.length));
  });

  test('has criteria that require and bound every member and know no text', () => {
    const criteria: unknown = JSON.parse(read('criteria.json').toString('utf8'));
    expect(Object.keys(criteria as object)).toEqual(['report']);
    expectBounded({ type: 'dict', schema: criteria });
  });

  test('keeps the model secret, the same in all packages that use it', async () => {
    for (const language of ['python', 'javascript', 'r']) {
      const { files } = await readPackage(join(example, `algorithm-${language}`));
      expect(files.filter((file) => file.secret).map((file) => file.path)).toEqual(['models/model.json']);
    }
    for (const language of ['javascript', 'r']) {
      expect(read(`algorithm-${language}/models/model.json`)).toEqual(
        read('algorithm-python/models/model.json'),
      );
    }
  });

  test.skipIf(python === undefined)('trains the same model again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sealroom-train-'));
    try {
      const target = join(folder, 'model.json');
      const run = spawnSync(python ?? '', [join(example, 'train.py'), target], { encoding: 'utf8' });
      expect(run.status, run.stderr).toBe(0);
      expect(readFileSync(target)).toEqual(read('algorithm-python/models/model.json'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const expected = {
    report: {
      accuracy: { value: 0.9577, CI: [0.9276, 0.9757], n: 284 },
      sensitivity: { value: 0.9182, CI: [0.8518, 0.9564], n: 110 },
      specificity: { value: 0.9828, CI: [0.9505, 0.9941], n: 174 },
    },
  };
  for (const language of ['python', 'javascript']) {
    test.skipIf(language === 'python' && python === undefined)(
      `measures in ${language} what its README says`,
      async () => {
        await withStub(async (stub) => {
          const ended = await runPackage(join(example, `algorithm-${language}`), stub.environment);
          expect(ended).toEqual({ status: 0, output: '' });
          expect(stub.reports).toEqual([expected]);
        });
      },
    );
  }

  test('has a cheat that ends badly when its report is refused', async () => {
    await withStub(async (stub) => {
      const ended = await runPackage(join(example, 'algorithm-cheat'), stub.environment);
      expect(ended.status).toBe(1);
      expect(ended.output).toContain('400');
      expect(stub.reports).toEqual([]);
    });
  });

  test.skipIf(python === undefined)('has a cheat that carries the same row in both languages', async () => {
    const cheat = join(example, 'algorithm-cheat');
    const posted: unknown[] = [];
    const stub = await startStubEnclave(dataset);
    try {
      expect((await runPackage(cheat, stub.environment)).status).toBe(0);
      const { promise, resolve } = Promise.withResolvers<number | null>();
      spawn(process.execPath, [join(cheat, 'cheat.mjs')], { env: { ...stub.environment } }).on(
        'close',
        resolve,
      );
      expect(await promise).toBe(0);
      posted.push(...stub.reports);
    } finally {
      await stub.stop();
    }
    expect(posted).toHaveLength(2);
    expect(posted[0]).toEqual(posted[1]);
    expect(posted[0]).toMatchObject({ report: { row: { record: '2', diagnosis: 'malignant' } } });
  });

  test('states its source and licence', () => {
    expect(existsSync(join(example, 'LICENSE'))).toBe(true);
    expect(read('README.md').toString('utf8')).toContain('10.24432/C5DW2B');
  });
});
