import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newHeader, segmentCount, sealedSize } from '@sealroom/seal';
import { SegmentPool } from './pool.ts';

async function withJob(
  run: (
    pool: SegmentPool,
    job: (from: number, to: number) => Parameters<SegmentPool['run']>[0],
  ) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pool-'));
  const pool = new SegmentPool(2);
  const size = 10 * 2 ** 20;
  const input = await open(join(folder, 'input'), 'w+');
  const output = await open(join(folder, 'output'), 'w+');
  try {
    await input.truncate(size);
    const segments = segmentCount(sealedSize(size));
    const header = newHeader().bytes;
    const base = { mode: 'seal', inputFd: input.fd, outputFd: output.fd, header, size, segments } as const;
    await run(pool, (from, to) => ({ ...base, key: new Uint8Array(32), leaves: true, from, to }));
    expect((await output.stat()).size).toBe(sealedSize(size));
  } finally {
    await pool.close();
    await input.close();
    await output.close();
    await rm(folder, { recursive: true });
  }
}

test('does more jobs than it has threads', async () => {
  await withJob(async (pool, job) => {
    const made = await Promise.all(Array.from({ length: 11 }, async (_, i) => pool.run(job(i, i + 1))));
    expect(made.map(({ length }) => length)).toEqual(Array.from({ length: 11 }, () => 32));
    expect(new Set(made.map((leaf) => Buffer.from(leaf).toString('hex'))).size).toBe(11);
  });
});

test('goes on after a job that failed, and after a thread that was lost', async () => {
  await withJob(async (pool, job) => {
    const short = pool.run({ ...job(0, 1), size: 2 ** 40, segments: 2 ** 20, from: 11, to: 12 });
    await expect(short).rejects.toMatchObject({ code: 'sealing/changed' });
    const closed = pool.run({ ...job(0, 1), inputFd: -1 });
    await expect(closed).rejects.toMatchObject({ code: 'sealing/io' });
    const lost = pool.run({ ...job(0, 1), key: undefined as unknown as Uint8Array });
    await expect(lost).rejects.toMatchObject({ code: 'sealing/io' });
    expect((await pool.run(job(0, 11))).length).toBe(11 * 32);
  });
});
