// Test support: an Enclave API over memory, and its server with a certificate of a fresh authority.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issueCertificate, LOOPBACK_HOSTS } from '@sealroom/host/net';
import type { ApiPlace, ServedApi } from '../sandbox/types.ts';
import { createEnclaveApi } from './api.ts';
import { serveEnclaveApi } from './serve.ts';
import type { EnclaveApiOptions, LogEntry, Report } from './types.ts';

export type Recorded = {
  logs: LogEntry[];
  accepted: Report[];
  failed: Report[];
  opened: number;
  errors: unknown[];
};

/** An API over `contents`; a report passes if it is an object whose `score` is a number. */
export function memoryApi(
  contents: Readonly<Record<string, Uint8Array>>,
  overrides: Partial<EnclaveApiOptions> = {},
): { options: EnclaveApiOptions; recorded: Recorded } {
  const recorded: Recorded = { logs: [], accepted: [], failed: [], opened: 0, errors: [] };
  const options: EnclaveApiOptions = {
    files: Object.entries(contents).map(([name, bytes], index) => ({
      id: `sha256:${String(index).padStart(64, '0')}`,
      name,
      size: bytes.length,
      uploadDate: '2026-11-22T10:00:00Z',
    })),
    async openFile(name, range) {
      recorded.opened++;
      const bytes = contents[name];
      if (bytes === undefined) return undefined;
      const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1);
      return {
        size: bytes.length,
        stream: (async function* () {
          for (let at = 0; at < part.length; at += 65_536) yield part.subarray(at, at + 65_536);
        })(),
      };
    },
    async gateReport(data, schema) {
      const fine =
        typeof data === 'object' && data !== null && 'score' in data && typeof data['score'] === 'number';
      if (!fine) return { ok: false, messages: { score: ['must be a number'] } };
      return schema?.['refuse'] === true ? { ok: false, messages: { schema: ['refused'] } } : { ok: true };
    },
    async submitReport(report) {
      recorded.accepted.push(report);
      return 'accepted';
    },
    async failRun(report) {
      recorded.failed.push(report);
    },
    async postLog(entry) {
      recorded.logs.push(entry);
    },
    ids: { project: 'p-1', runConfiguration: 'c-1', run: 'r-1' },
    onError: (cause) => recorded.errors.push(cause),
    ...overrides,
  };
  return { options, recorded };
}

/** Key material for one server; `caFile` is a PEM file that clients trust. */
export async function testTls(): Promise<{
  tls: { key: string; cert: string };
  ca: string;
  caFile: string;
  remove(): void;
}> {
  const authority = await createAuthority();
  const pair = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS });
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-api-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, authority.certPem);
  return {
    tls: { key: pair.keyPem, cert: pair.certPem },
    ca: authority.certPem,
    caFile,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const ANY_PORT: ApiPlace = { kind: 'loopback', hostname: '127.0.0.1', preferredPort: 0 };

export function serveMemory(
  options: EnclaveApiOptions,
  tls: { key: string; cert: string },
  place: ApiPlace = ANY_PORT,
): Promise<ServedApi> {
  return serveEnclaveApi({ app: createEnclaveApi(options), tls, place });
}
