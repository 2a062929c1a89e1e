// Targets for packages, URLs, addresses and settings.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8Decode } from '@sealroom/bytes';
import { checkStoreUrl, containerUrl, isPublicAddress, loadConfig, Refusal } from '@sealroom/host';
import {
  PackageError,
  type PackageErrorCode,
  parseDockerfile,
  parseEntrypoint,
  parseSecretFiles,
  resolveEntrypoint,
} from '@sealroom/host/package';
import { checkPath } from '@sealroom/seal';
import { z } from 'zod';
import { expect, judge, type Refusals, type Target } from '../engine/target.ts';
import { texts } from './genuine.ts';

const packageCodes = (...codes: readonly PackageErrorCode[]): Refusals => [[PackageError, codes]];

export const refusals = (...codes: readonly string[]): Refusals => [[Refusal, codes]];

export function textOf(input: Uint8Array): string {
  try {
    return utf8Decode(input);
  } catch {
    return Buffer.from(input).toString('latin1');
  }
}

export const dockerfile: Target = {
  name: 'host.parseDockerfile',
  covers: ['host/parseDockerfile', 'host/parseEntrypoint'],
  form: 'text',
  seeds: texts(
    'FROM python:3.12\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["python3", "run.py"]\nCMD ["--fast"]\n',
    '# syntax\nFROM a AS b\nWORKDIR /app\nFROM b\nWORKDIR sub\nRUN <<EOF\nx\nEOF\nENTRYPOINT run.sh \\\n  --x\n',
    'ARG V=1\nFROM --platform=x r\nWORKDIR "/usr/src/app"\nSHELL ["/bin/bash"]\nENTRYPOINT ["run.sh"]\nLABEL a=b\n',
  ),
  words: [
    'FROM ',
    'ENTRYPOINT ',
    'WORKDIR ',
    'CMD ',
    'RUN <<A <<-B',
    '\\\n',
    ' AS ',
    '/etc',
    '..',
    '["',
    '# escape=`',
    '<<<',
    '\t',
  ],
  run: (input) =>
    judge(
      packageCodes(
        'package/bad-dockerfile',
        'package/bad-workdir',
        'package/no-entrypoint',
        'package/bad-entrypoint',
      ),
      () => parseDockerfile(textOf(input)),
      ({ workdir, entrypoint }) => {
        expect(
          workdir.startsWith('/') && workdir !== '/' && !/\/\.\.?(?:\/|$)|\0/.test(workdir),
          'false-accept',
          'The package lies at a place that is none.',
        );
        expect(
          !/^\/(?:bin|dev|etc|proc|sys|sbin|tmp|boot|run)(?:\/|$)/.test(workdir),
          'false-accept',
          'The package lies in a system folder.',
        );
        const words = resolveEntrypoint(entrypoint, workdir, ['run.sh', 'run.py']);
        expect(
          (words[0] ?? '') !== '' && words.every((word) => !word.includes('\0')),
          'false-accept',
          'Nothing would be started.',
        );
        return entrypoint.form;
      },
    ),
};

export const entrypoint: Target = {
  name: 'host.parseEntrypoint',
  covers: ['host/parseEntrypoint'],
  form: 'json',
  seeds: texts('["run.sh","a b"]', '["/bin/sh","-c","x"]', '[]', '"run"', 'python3 run.py'),
  words: ['["', '\\u0000', '[]'],
  run: (input) =>
    judge(
      packageCodes('package/bad-entrypoint'),
      () => parseEntrypoint(textOf(input)),
      (found) => {
        if (found?.form === 'exec')
          expect((found.command[0] ?? '') !== '', 'false-accept', 'It starts nothing.');
        return found?.form ?? 'none';
      },
    ),
};

export const secretFiles: Target = {
  name: 'host.parseSecretFiles',
  covers: ['host/parseSecretFiles'],
  form: 'text',
  seeds: texts(
    'secretFiles:\n  - ["models/model.json.sealed", "models/model.json"]\n',
    '---\n# c\nsecretFiles:   # x\n- [\'a.bkenc\', \'a\']  # y\n- ["b.sealed","b"]\n',
    'secretFiles: []\n',
  ),
  words: [
    'secretFiles:',
    '  - [',
    '"a.sealed"',
    "'",
    "''",
    '\\u0041',
    '#',
    '&a',
    '*a',
    '!!str',
    '..',
    'Dockerfile',
    'secrets.yaml',
  ],
  run: (input) =>
    judge(
      packageCodes('package/bad-secrets', 'package/bad-path'),
      () => parseSecretFiles(textOf(input)),
      (files) => {
        for (const { sealed, plain } of files) {
          checkPath(sealed);
          checkPath(plain);
          expect(
            !/^(?:dockerfile|secrets\.yaml)$/i.test(plain),
            'false-accept',
            'The Dockerfile would be secret.',
          );
        }
      },
    ),
};

const NOW = Date.parse('2026-11-22T10:00:00Z');

const ALLOWED = ['https://store.example', 'https://*.blob.core.windows.net', 'http://127.0.0.1:8080'];

export const storeUrl: Target = {
  name: 'host.checkStoreUrl',
  covers: ['host/checkStoreUrl', 'host/containerUrl', 'host/isPublicAddress', 'host/isAzureUrl'],
  form: 'text',
  seeds: texts(
    'https://store.example/c?se=1900000000&sp=r&sig=x',
    'https://a.blob.core.windows.net/c?sv=1&se=2030-01-01T00:00:00Z&sp=rl&sig=x',
    'https://store.example/b?X-Amz-Date=20261122T095900Z&X-Amz-Expires=3600',
    'http://127.0.0.1:8080/files/c?se=1900000000&sp=r&sig=x',
    'https://[::ffff:127.0.0.1]/x?se=1900000000',
  ),
  words: [
    '@',
    '%2e',
    '\\',
    '#',
    ':443',
    '.blob.core.windows.net',
    '127.0.0.1',
    '[::1]',
    '169.254.169.254',
    '0x7f000001',
    '\t',
    '。',
    'se=',
    'sp=rw',
    '&se=1',
    'xn--',
  ],
  run: (input) => {
    const text = textOf(input);
    return judge(
      refusals('store/bad-url', 'store/not-allowed', 'store/no-expiry', 'store/expired', 'store/writable'),
      () => checkStoreUrl(text, ALLOWED, { now: NOW }),
      (url) => {
        const exact = ['https://store.example', 'http://127.0.0.1:8080'].includes(url.origin);
        const zone = url.protocol === 'https:' && /^[a-z0-9-]+\.blob\.core\.windows\.net$/.test(url.host);
        expect(exact || zone, 'false-accept', 'A store passes that nobody listed.');
        expect(
          url.username === '' && url.password === '' && url.hash === '',
          'false-accept',
          'A URL with a user or fragment passes.',
        );
        const { origin } = new URL(url.href);
        expect(origin === url.origin, 'disagreement', 'Read again, the URL leads elsewhere.');
        judge(
          refusals('blob/bad-path', 'store/bad-url'),
          () => containerUrl(url, text.slice(0, 40)),
          (blob) =>
            expect(
              blob.origin === url.origin && blob.search === url.search,
              'false-accept',
              'A blob lies elsewhere.',
            ),
        );
      },
    );
  },
};

/** Addresses as numbers by a reader of its own: loopback and private ones are never public. */
export const address: Target = {
  name: 'host.isPublicAddress',
  covers: ['host/isPublicAddress'],
  form: 'text',
  seeds: texts(
    '8.8.8.8',
    '127.0.0.1',
    '10.0.0.1',
    '::1',
    'fe80::1',
    '2606:4700::1111',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '169.254.169.254',
  ),
  words: ['::', '::ffff:', '127.', '10.', '%eth0', '2001:db8::', 'fc00::'],
  run: (input) => {
    const text = textOf(input);
    const found = isPublicAddress(text);
    const host = /:/.test(text) ? `[${text}]` : text;
    if (found) {
      expect(URL.canParse(`http://${host}/`), 'disagreement', 'It is no address to a URL.');
      const { hostname } = new URL(`http://${host}/`);
      expect(
        !/^(?:127|10|0)\.|^192\.168\.|^169\.254\.|^\[(?:::|f[cde])/.test(hostname),
        'false-accept',
        'A private address is public.',
      );
    }
    return { accepted: found, note: String(found) };
  },
};

const SHAPE = {
  origin: z.string().min(1),
  port: z.int().min(0).max(65_535).default(0),
  organisations: z.array(z.string()).default([]),
  allowSimulated: z.boolean().default(false),
  databaseUrl: z.url().optional(),
};

/** What is nested too deep to be written stands as no text. */
function writtenJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

export function configTarget(folder: string): Target {
  const path = join(folder, 'config.json');
  return {
    name: 'host.loadConfig',
    covers: ['host/loadConfig'],
    form: 'json',
    seeds: texts(
      '{"environment":{"FUZZ_ORIGIN":"x","FUZZ_PORT":"80"},"file":{"allowSimulated":true,"organisations":["a"],"origin":"y"}}',
      '{"environment":{"FUZZ_ORGANISATIONS":"[\\"a\\"]","FUZZ_ORIGIN":"x","OTHER":"1"},"file":{}}',
    ),
    words: ['"FUZZ_', '"FUZZ_ORIGIN_FILE"', '"__proto__"', '"constructor"', '"port"', '1e3', '"[1]"'],
    run: (input) => {
      let given: unknown;
      try {
        given = JSON.parse(textOf(input));
      } catch {
        return { accepted: false, note: 'no JSON' };
      }
      const parts = z
        .object({ environment: z.record(z.string(), z.string()).default({}), file: z.unknown().optional() })
        .safeParse(given);
      if (!parts.success) return { accepted: false, note: 'no shape' };
      const { environment, file } = parts.data;
      const text = typeof file === 'string' ? file : writtenJson(file);
      writeFileSync(path, text);
      return judge(
        refusals('config/invalid'),
        () => loadConfig({ shape: SHAPE, prefix: 'FUZZ_', environment, file: path }),
        (config) => {
          expect(Object.isFrozen(config), 'round-trip', 'Settings can be changed.');
          const names = Object.keys(config).every((name) => Object.hasOwn(SHAPE, name));
          expect(
            names && Object.getPrototypeOf(config) === Object.prototype,
            'false-accept',
            'A setting passes that there is not.',
          );
        },
      );
    },
  };
}
