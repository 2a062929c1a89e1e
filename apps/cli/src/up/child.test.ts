import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './child.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-up-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const PROGRAM = `import { createServer } from 'node:http';
const server = createServer((_, response) => response.end(String(process.pid)));
server.listen(Number(process.env.SEALROOM_TEST_PORT), '127.0.0.1', () =>
  console.log(JSON.stringify({ ready: true, url: 'http://127.0.0.1:' + server.address().port })));
`;

async function start(name: string, restarts: string[]): Promise<Service> {
  const program = join(folder, `${name}.mjs`);
  await writeFile(program, PROGRAM);
  const portVariable = 'SEALROOM_TEST_PORT';
  const spec = { name, program, environment: { [portVariable]: '0' }, portVariable };
  return startService({ ...spec, logFile: join(folder, `${name}.log`) }, (which) => restarts.push(which));
}

test('a service that was given any port comes back where it was, each time it is killed', async () => {
  const restarts: string[] = [];
  const service = await start('killed', restarts);
  const { url } = service.ready;
  const answers = () =>
    fetch(url).then(
      (response) => response.text(),
      () => undefined,
    );
  try {
    for (let times = 1; times <= 2; times++) {
      const before = service.pid() ?? 0;
      process.kill(before, 'SIGKILL');
      await expect
        .poll(answers, { timeout: 20_000 })
        .not.toSatisfy((pid) => [undefined, `${before}`].includes(pid));
      expect(service.ready.url).toBe(url);
      expect(restarts).toHaveLength(times);
    }
  } finally {
    await service.stop();
  }
});

test('a service that is stopped while it is down stays down', async () => {
  const restarts: string[] = [];
  const service = await start('stopped', restarts);
  process.kill(service.pid() ?? 0, 'SIGKILL');
  await service.stop();
  await expect(fetch(service.ready.url)).rejects.toThrow('fetch failed');
  expect(restarts).toEqual([]);
  expect(await readFile(join(folder, 'stopped.log'), 'utf8')).toContain('"ready":true');
});
