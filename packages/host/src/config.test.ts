import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealroom-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const shape = {
  port: z.number().int().default(0),
  databaseUrl: z.string(),
  origins: z.array(z.string()).default([]),
};
const load = (environment: Record<string, string>, file?: string) =>
  loadConfig({ shape, prefix: 'SEALROOM_TEST_', environment, file });

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    expect(error).toMatchObject({ code: 'config/invalid' });
    return (error as { details: string[] }).details;
  }
  throw new Error('expected a refusal');
}

describe('the configuration', () => {
  it('is the file with the environment on top, frozen', () => {
    const file = write('a.json', '{"port":1,"databaseUrl":"from-file","origins":["https://a.example"]}');
    const config = load({ SEALROOM_TEST_PORT: '8080', PATH: '/bin' }, file);
    expect(config).toEqual({ port: 8080, databaseUrl: 'from-file', origins: ['https://a.example'] });
    expect(Object.isFrozen(config) && Object.isFrozen(config.origins)).toBe(true);
    const named = load({ SEALROOM_TEST_CONFIG: file, SEALROOM_TEST_ORIGINS: '["https://b.example"]' });
    expect(named.origins).toEqual(['https://b.example']);
  });

  it('keeps text as text where text is wanted', () => {
    expect(load({ SEALROOM_TEST_DATABASE_URL: '12' }).databaseUrl).toBe('12');
  });

  it('reads secrets from private files', () => {
    const path = write('secret', 'from-secret\n');
    expect(load({ SEALROOM_TEST_DATABASE_URL_FILE: path }).databaseUrl).toBe('from-secret');
  });

  it('refuses a secret that others can read', () => {
    const path = write('open', 'x', 0o644);
    expect(problemsOf(() => load({ SEALROOM_TEST_DATABASE_URL_FILE: path })).join()).toContain('chmod 600');
  });

  it('reports every problem at once and repeats no value', () => {
    const file = write('b.json', '{"unknown":1}');
    const problems = problemsOf(() =>
      load({ SEALROOM_TEST_PORT: 'secret-value', SEALROOM_TEST_PROT: '1' }, file),
    );
    const text = problems.join('\n');
    for (const name of [
      'SEALROOM_TEST_PORT',
      'SEALROOM_TEST_PROT',
      'SEALROOM_TEST_DATABASE_URL',
      'unknown',
    ]) {
      expect(text).toContain(name);
    }
    expect(text).not.toContain('secret-value');
  });

  it('refuses a file with duplicate keys, and a setting given twice', () => {
    const file = write('c.json', '{"port":1,"port":2,"databaseUrl":"x"}');
    expect(problemsOf(() => load({}, file)).join()).toContain('c.json');
    const path = write('twice', 'x');
    const twice = { SEALROOM_TEST_DATABASE_URL: 'x', SEALROOM_TEST_DATABASE_URL_FILE: path };
    expect(problemsOf(() => load(twice)).join()).toContain('both set');
  });
});
