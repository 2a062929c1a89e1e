import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDockerfile } from './dockerfile.ts';
import { PackageError } from './error.ts';

const code = (value: string) => expect.objectContaining({ constructor: PackageError, code: value });
const exec = (...command: string[]) => ({ form: 'exec', command });
const small = (...lines: string[]) => ['FROM python:3.11-slim', 'WORKDIR /app', ...lines].join('\n');

describe('a Dockerfile', () => {
  test("reads the manual's", () => {
    const path = '../../../../sdk/python/samples/algorithm-package/Dockerfile';
    expect(parseDockerfile(readFileSync(join(import.meta.dirname, path), 'utf8'))).toEqual({
      base: 'python:3.9.16-slim',
      workdir: '/app',
      entrypoint: exec('run.sh'),
      notApplied: [
        { line: 13, instruction: 'RUN' },
        { line: 16, instruction: 'RUN' },
      ],
    });
  });

  test('joins continued lines, comments and empty lines between them included', () => {
    const text = 'from a:1\nworkdir /srv\nWorkDir x\nENTRYPOINT [ \\\n  # why\n\n  "run.sh" ]\r\n';
    expect(parseDockerfile(text)).toMatchObject({
      base: 'a:1',
      workdir: '/srv/x',
      entrypoint: exec('run.sh'),
    });
  });

  test('keeps the last ENTRYPOINT and adds the words of CMD', () => {
    expect(parseDockerfile(small('CMD ["b"]', 'ENTRYPOINT ["x"]', 'ENTRYPOINT ["a"]')).entrypoint).toEqual(
      exec('a', 'b'),
    );
    expect(parseDockerfile(small('ENTRYPOINT ["a"]', 'CMD b c')).entrypoint).toEqual(
      exec('a', '/bin/sh', '-c', 'b c'),
    );
    expect(parseDockerfile(small('ENTRYPOINT ./a b', 'CMD ["c"]')).entrypoint).toEqual({
      form: 'shell',
      line: './a b',
    });
  });

  test('follows the last stage, and a stage that it starts from', () => {
    const text =
      'ARG V=1\nFROM --platform=linux/amd64 a:1 AS Build\nWORKDIR /x\nENTRYPOINT ["old"]\nFROM b\nFROM build\nENTRYPOINT ["new"]';
    expect(parseDockerfile(text)).toMatchObject({ base: 'a:1', workdir: '/x', entrypoint: exec('new') });
    expect(() => parseDockerfile('FROM a AS b\nENTRYPOINT ["x"]\nFROM c\nWORKDIR /app')).toThrow(
      code('package/no-entrypoint'),
    );
  });

  test('does not take the lines of a here-document for instructions', () => {
    const text = small(
      'ENTRYPOINT ["good"]',
      "RUN <<-'EOF' cat <<B",
      'ENTRYPOINT ["bad"]',
      '\tEOF',
      'ENTRYPOINT ["worse"]',
      'B',
    );
    expect(parseDockerfile(text).entrypoint).toEqual(exec('good'));
    expect(parseDockerfile(small('RUN cat <<<word', 'ENTRYPOINT ["a"]')).entrypoint).toEqual(exec('a'));
  });

  test('names what an embedded room does not carry out', () => {
    const text = small(
      'LABEL a=b',
      'COPY . .',
      'COPY ./ ./',
      'COPY a /b',
      'ENV A=b',
      'USER me',
      'ENTRYPOINT ["a"]',
    );
    expect(parseDockerfile(text).notApplied.map((step) => step.instruction)).toEqual(['COPY', 'ENV', 'USER']);
  });

  test.each([
    ['package/no-entrypoint', small('CMD ["run.sh"]')],
    ['package/no-entrypoint', small('ENTRYPOINT ["a"]', 'ENTRYPOINT []')],
    ['package/bad-entrypoint', small("ENTRYPOINT ['a']")],
    ['package/bad-entrypoint', small('SHELL ["/bin/bash", "-c"]', 'ENTRYPOINT a')],
    ['package/bad-workdir', 'FROM a\nENTRYPOINT ["a"]'],
    ['package/bad-workdir', 'FROM a\nWORKDIR /app/../etc/x\nENTRYPOINT ["a"]'],
    ['package/bad-workdir', 'FROM a\nWORKDIR /usr/src\nENTRYPOINT ["a"]'],
    ['package/bad-dockerfile', 'FROM a\nWORKDIR $HOME\nENTRYPOINT ["a"]'],
    ['package/bad-dockerfile', ''],
    ['package/bad-dockerfile', 'ENTRYPOINT ["a"]'],
    ['package/bad-dockerfile', 'FROM a b c d\nENTRYPOINT ["a"]'],
    ['package/bad-dockerfile', small('RUN <<EOF', 'ENTRYPOINT ["a"]')],
    ['package/bad-dockerfile', '# escape=`\nFROM a'],
    ['package/bad-dockerfile', small('to resolve libraries', '...')],
  ])('refuses with %s: %j', (expected, text) => {
    expect(() => parseDockerfile(text)).toThrow(code(expected));
  });

  test('accepts the usual place under /usr/src', () => {
    expect(parseDockerfile('FROM a\nWORKDIR /usr/src/app\nENTRYPOINT ["a"]').workdir).toBe('/usr/src/app');
  });

  // Found by fuzzing: the time grew with the square of the lines.
  test('refuses folders within folders without end', () => {
    const text = `FROM a\n${'WORKDIR deeper\n'.repeat(100_000)}ENTRYPOINT ["a"]`;
    expect(() => parseDockerfile(text)).toThrow(code('package/bad-dockerfile'));
    expect(parseDockerfile('FROM a\nWORKDIR /app\nWORKDIR sub\nENTRYPOINT ["a"]').workdir).toBe('/app/sub');
  });
});
