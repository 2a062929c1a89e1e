// Names and values of run parameters that reach for what is not theirs: the loader, the shell, an interpreter, a prototype.
import { describe, expect, it } from 'vitest';
import { checkParameters, parameterName, type ParameterType } from './parameters.ts';

const takes = (name: string): boolean => parameterName.safeParse(name).success;
const refused = expect.objectContaining({ code: 'contract/parameters' });

describe('a parameter’s name', () => {
  it.each([
    'LD_PRELOAD',
    'LD_AUDIT',
    'ld_preload',
    'DYLD_INSERT_LIBRARIES',
    'LIBRARY_PATH',
    'PATH',
    'IFS',
    'ENV',
    'BASH_ENV',
    'PS4',
    'PROMPT_COMMAND',
    'ZDOTDIR',
    'NODE_OPTIONS',
    'NODE_EXTRA_CA_CERTS',
    'PYTHONPATH',
    'PYTHONSTARTUP',
    'PYTHONINSPECT',
    'PERL5OPT',
    'RUBYOPT',
    'JAVA_TOOL_OPTIONS',
    'JDK_JAVA_OPTIONS',
    'CLASSPATH',
    'R_PROFILE_USER',
    'DOTNET_STARTUP_HOOKS',
    'CORECLR_PROFILER',
    'JULIA_LOAD_PATH',
    'PHPRC',
    'LUA_INIT',
    'GCONV_PATH',
    'MALLOC_TRACE',
    'LOCPATH',
    'TERMINFO',
    'LESSOPEN',
    'http_proxy',
    'HTTPS_PROXY',
    'no_proxy',
    'SSL_CERT_FILE',
    'REQUESTS_CA_BUNDLE',
    'CURL_CA_BUNDLE',
    'AZURE_CLIENT_SECRET',
    'AWS_SECRET_ACCESS_KEY',
    'GIT_SSH_COMMAND',
    'ENCLAVE_URL',
    'ESCROW_RUN_ID',
    'SEALROOM_HUB_DATABASE_URL',
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('is not %s, which a loader, shell, interpreter or library reads', (name) => {
    expect(takes(name)).toBe(false);
  });

  it.each([
    '__proto__',
    '_x',
    'x__y',
    'x_',
    'x=y',
    'x y',
    'x\0',
    'x\n',
    '-x',
    '1x',
    '',
    'ＰＡＴＨ',
    'NODE\u200b_OPTIONS',
    'PATН',
    'ſSH_AUTH_SOCK',
    'x'.repeat(65),
  ])('is not %j, which is no name at all', (name) => {
    expect(takes(name)).toBe(false);
  });

  it('is what an algorithm would call it', () => {
    for (const name of ['ITERATIONS', 'learning-rate', 'model.depth', 'a', 'GOAL', 'PATHWAY', 'x'.repeat(64)])
      expect([name, takes(name)]).toEqual([name, true]);
  });

  it('is judged in time that grows with its length, also where the manual’s expression would not end', () => {
    // The manual's separator class holds the letter S, so that this takes it 2^36 steps.
    expect(takes(`a${'S'.repeat(36)}!`)).toBe(false);
    expect(takes(`a${'S'.repeat(100_000)}!`)).toBe(false);
    expect(takes(`${'a-'.repeat(50_000)}!`)).toBe(false);
  });
});

describe('a parameter’s value', () => {
  const declared: Readonly<Record<string, ParameterType>> = {
    N: { type: 'integer', minimum: 1, maximum: 9 },
    T: { type: 'string', maxLength: 4 },
    E: { type: 'enum', values: ['é', 'a'] },
    B: { type: 'boolean' },
  };

  it('fits its declaration, whatever it is made to look like', () => {
    const wrong: readonly (readonly [string, unknown])[] = [
      ['N', 0],
      ['N', 10],
      ['N', 1.5],
      ['N', '5'],
      ['N', Number.NaN],
      ['N', 2 ** 53],
      ['T', 'abcde'],
      ['T', 'a\0b'],
      ['T', 5],
      ['E', 'e\u0301'],
      ['E', 'а'],
      ['E', 'A'],
      ['B', 'true'],
      ['B', 1],
      ['constructor', 1],
      ['toString', 1],
      ['other', 1],
    ];
    for (const [name, value] of wrong)
      expect(() => checkParameters(declared, { [name]: value as string }), name).toThrow(refused);
    const own = JSON.parse('{"__proto__": 1}') as Record<string, number>;
    expect(() => checkParameters(declared, own)).toThrow(refused);
  });

  it('is text and no more, however a shell would read it', () => {
    for (const T of ['-rf', '$(x)', '`x`', ';x', 'a\nb', '../x', '%00'])
      expect(() => checkParameters(declared, { T })).not.toThrow();
    expect(() => checkParameters(declared, { N: 1, T: '😀😀😀😀', E: 'é', B: false })).not.toThrow();
  });
});
