import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createLog, redactUrl } from './log.ts';

function recorded() {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const events = { 'run.started': ['run', 'store'], 'run.failed': ['run'] } as const;
  return { lines, log: createLog({ name: 'test', events, destination }) };
}

it('writes one JSON line an event with the listed fields only', () => {
  const { log, lines } = recorded();
  const careless = { run: 'r1', token: 'secret', body: { key: 'secret' } };
  log.event('run.started', careless);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    name: 'test',
    event: 'run.started',
    run: 'r1',
  });
  expect(lines[0]).not.toContain('secret');
});

it('writes an event that nobody listed by its name alone', () => {
  const { log, lines } = recorded();
  (log as { event(name: string, fields: object): void }).event('toString', { run: 'r1' });
  expect(lines[0]).toContain('toString');
  expect(lines[0]).not.toContain('r1');
});

it('strips queries and users from URLs in fields and error messages', () => {
  const { log, lines } = recorded();
  log.event('run.started', { run: 'r1', store: 'https://me:pw@store.example/c?sv=1&sig=secret' });
  log.failure('run.failed', new Error('GET https://store.example/c?sig=secret failed'), { run: 'r1' });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ store: 'https://store.example/c' });
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ level: 'error', run: 'r1', error: 'Error' });
  expect(lines.join('')).not.toMatch(/secret|pw@/);
});

it('redacts URLs', () => {
  expect(redactUrl('https://a:b@h.example:8443/p/q?sig=1#f')).toBe('https://h.example:8443/p/q');
  expect(redactUrl('sig=1')).toBe('(not a URL)');
});
