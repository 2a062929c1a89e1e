import { describe, expect, test } from 'vitest';
import { parseEntrypoint, resolveEntrypoint } from './entrypoint.ts';
import { PackageError } from './error.ts';

const code = (value: string) => expect.objectContaining({ constructor: PackageError, code: value });

describe('the entry point', () => {
  test('is a list of words or a line for the shell', () => {
    expect(parseEntrypoint('["run.sh", "--fast"]')).toEqual({ form: 'exec', command: ['run.sh', '--fast'] });
    expect(parseEntrypoint('python3 algorithm.py')).toEqual({ form: 'shell', line: 'python3 algorithm.py' });
  });

  test('is none when the list is empty, which is how Docker resets it', () => {
    expect(parseEntrypoint('[]')).toBeUndefined();
    expect(parseEntrypoint('')).toBeUndefined();
  });

  test.each(["['run.sh']", '["run.sh"', '["run.sh", 1]', '[""]', '["run.sh", "a\\u0000b"]', 'run\0sh'])(
    'refuses %j',
    (text) => {
      expect(() => parseEntrypoint(text)).toThrow(code('package/bad-entrypoint'));
    },
  );

  const files = ['run.sh', 'bin/start'];
  const resolve = (...command: string[]) => resolveEntrypoint({ form: 'exec', command }, '/app', files);

  test('finds a bare name in the package, as the manual writes it', () => {
    expect(resolve('run.sh', 'a b')).toEqual(['/app/run.sh', 'a b']);
  });

  test('leaves a bare name that is no file of the package to the path', () => {
    expect(resolve('python3', 'run.sh')).toEqual(['python3', 'run.sh']);
  });

  test('takes a relative path from the working directory and an absolute one as it is', () => {
    expect(resolve('./run.sh')).toEqual(['/app/run.sh']);
    expect(resolve('bin/start')).toEqual(['/app/bin/start']);
    expect(resolve('/usr/bin/env', 'sh')).toEqual(['/usr/bin/env', 'sh']);
  });

  test('gives a shell line to the shell', () => {
    expect(resolveEntrypoint({ form: 'shell', line: 'exec ./run.sh $X' }, '/app', files)).toEqual([
      '/bin/sh',
      '-c',
      'exec ./run.sh $X',
    ]);
  });

  test('refuses a working directory that is not absolute', () => {
    expect(() => resolveEntrypoint({ form: 'exec', command: ['run.sh'] }, 'app', files)).toThrow(
      code('package/bad-workdir'),
    );
  });
});
