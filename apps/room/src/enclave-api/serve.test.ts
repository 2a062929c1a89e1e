import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServedApi } from '../sandbox/types.ts';
import { findProgram } from '@sealroom/host/linux';
import { memoryApi, serveMemory, testTls } from './fixture.ts';

const run = promisify(execFile);
const big = new Uint8Array(randomBytes(3_000_001));
const contents = { 'big.bin': big, 'ü x.csv': new TextEncoder().encode('a,b\n1,2\n') };
const { options, recorded } = memoryApi(contents, { limits: { reportBytes: 100_000, logBytes: 1000 } });

let material: Awaited<ReturnType<typeof testTls>>;
let served: ServedApi;

beforeAll(async () => {
  material = await testTls();
  served = await serveMemory(options, material.tls);
});
afterAll(async () => {
  await served.close();
  material.remove();
});

type Answer = { status: number; headers: IncomingMessage['headers']; body: Buffer };

function send(
  path: string,
  extra: RequestOptions = {},
  body?: string | Buffer,
  base = served.url,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(`${base}${path}`, { ca: material.ca, ...extra }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

// The manual's calls, with the standard library; argv: address, CA file or '-' for no verification.
const PYTHON = `
import base64, hashlib, json, ssl, sys, urllib.error, urllib.parse, urllib.request
base, ca = sys.argv[1:3]
context = ssl._create_unverified_context() if ca == '-' else ssl.create_default_context(cafile=ca)
def call(path, body=None, headers={}):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, headers=dict(headers, **{'Content-Type': 'application/json'}))
    try:
        with urllib.request.urlopen(request, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
files = json.loads(call('/api/v1/data/files')[1])
name = files['files'][0]['name']
path = '/api/v1/data/file?' + urllib.parse.urlencode({'filepath': name})
whole = call(path)[1]
part = call(path, headers={'Range': 'bytes=1000000-1000009'})
report = {'name': 'n', 'status': 'Completed', 'json_data': base64.b64encode(json.dumps({'score': 1}).encode()).decode()}
print(json.dumps({
    'total': files['totalFiles'],
    'digest': hashlib.sha256(whole).hexdigest(),
    'part': [part[0], part[1].hex()],
    'missing': call('/api/v1/data/file?filepath=no')[0],
    'valid': call('/api/v1/validate', report)[0],
    'invalid': call('/api/v1/validate', dict(report, json_data={}))[0],
    'log': call('/api/v1/log', {'message': 'from python'})[0],
}))
`;

describe('over real TLS', () => {
  test('Node reads a file whole, and by range', async () => {
    const whole = await send('/api/v1/data/file?filepath=big.bin');
    expect(digest(whole.body)).toBe(digest(big));
    const part = await send('/api/v1/data/file?filepath=big.bin', { headers: { range: 'bytes=-10' } });
    expect(part.status).toBe(206);
    expect(part.body).toEqual(Buffer.from(big.subarray(-10)));
  });

  test('HEAD tells the length and opens nothing', async () => {
    const before = recorded.opened;
    const answer = await send('/api/v1/data/file?filepath=big.bin', { method: 'HEAD' });
    expect(answer.headers['content-length']).toBe(String(big.length));
    expect(answer.body.length).toBe(0);
    expect(recorded.opened).toBe(before);
  });

  test.each(['with the CA file', 'with verify=False'])(
    'Python’s urllib does the manual’s calls %s',
    async (how) => {
      const trust = how === 'with the CA file' ? material.caFile : '-';
      const { stdout } = await run('python3', ['-c', PYTHON, served.url, trust]);
      expect(JSON.parse(stdout)).toEqual({
        total: 2,
        digest: digest(big),
        part: [206, Buffer.from(big.subarray(1_000_000, 1_000_010)).toString('hex')],
        missing: 404,
        valid: 200,
        invalid: 400,
        log: 200,
      });
    },
  );

  test('a client that trusts somebody else does not connect', async () => {
    await expect(send('/api/v1/data/files', { ca: [] })).rejects.toThrow(/certificate/);
  });

  const curl = findProgram('curl');
  if (curl === undefined) console.log('skipped: curl is not installed, so it is not tried as a client');
  test.skipIf(curl === undefined && process.env['CI'] !== 'true')('curl resumes a download', async () => {
    const url = `${served.url}/api/v1/data/file?filepath=%C3%BC%20x.csv`;
    const { stdout } = await run('curl', ['-sS', '--cacert', material.caFile, '-r', '4-', url]);
    expect(stdout).toBe('1,2\n');
  });

  test('many requests at once are answered apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        send('/api/v1/data/file?filepath=big.bin', {
          headers: { range: `bytes=${index * 1000}-${index * 1000 + 999}` },
        }),
      ),
    );
    answers.forEach(({ body }, index) => {
      expect(body).toEqual(Buffer.from(big.subarray(index * 1000, index * 1000 + 1000)));
    });
  });

  test('a body that is too long is answered with 413, with a length and without', async () => {
    const body = JSON.stringify({ name: 'n', json_data: 'x'.repeat(300_000) });
    const post = { method: 'POST' };
    expect((await send('/api/v1/validate', post, body)).status).toBe(413);
    const chunked = { method: 'POST', headers: { 'transfer-encoding': 'chunked' } };
    expect((await send('/api/v1/validate', chunked, body)).status).toBe(413);
  });

  test('a client that leaves in the middle of a file does no harm', async () => {
    await new Promise<void>((resolve, reject) => {
      const outgoing = httpsRequest(
        `${served.url}/api/v1/data/file?filepath=big.bin`,
        { ca: material.ca },
        (incoming) => {
          incoming.once('data', () => {
            incoming.destroy();
            resolve();
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect((await send('/api/v1/data/files')).status).toBe(200);
  });

  test.each([
    ['a line that is not HTTP', 'hello\r\n\r\n'],
    ['a bad method', 'BREW /api/v1/data/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['another address form', 'GET http://x/api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['an address that is none', 'GET //[ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['a method without a request', 'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['long headers', `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`],
    [
      'both lengths',
      'POST /api/v1/log HTTP/1.1\r\nHost: l\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('%s ends its own connection only', async (_, text) => {
    const socket = tlsConnect({ port: Number(new URL(served.url).port), host: '127.0.0.1', ca: material.ca });
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => undefined); // a reset is one of the ways to end
    socket.write(text);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    expect((await send('/api/v1/data/files')).status).toBe(200);
  });

  test('a stream that breaks off in the room breaks off the answer, too', async () => {
    const broken = memoryApi(contents, {
      async openFile() {
        return {
          size: big.length,
          stream: (async function* () {
            yield big.subarray(0, 1000);
            throw new Error('the segment does not verify');
          })(),
        };
      },
    });
    const other = await serveMemory(broken.options, material.tls);
    try {
      const whole = send('/api/v1/data/file?filepath=big.bin', {}, undefined, other.url);
      await expect(whole).rejects.toMatchObject({ code: 'ECONNRESET' });
    } finally {
      await other.close();
    }
  });
});

describe('where it listens', () => {
  test('is a Unix socket, with the same TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sealroom-socket-'));
    const socketPath = join(folder, 'api.sock');
    const api = await serveMemory(options, material.tls, { kind: 'socket', socketPath });
    try {
      expect(api.url).toBe('https://localhost:5000');
      const answer = await send('/api/v1/data/files', { socketPath, servername: 'localhost' });
      expect(answer.status).toBe(200);
    } finally {
      await api.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('is another port when somebody else holds the preferred one, on either address', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const holder = createServer();
      holder.on('error', () => undefined);
      holder.listen(0, host);
      const up = await Promise.race([
        once(holder, 'listening').then(() => true),
        once(holder, 'error').then(() => false),
      ]);
      if (!up) {
        console.log(`skipped: this host has no ${host}`);
        continue;
      }
      const address = holder.address();
      const preferredPort = typeof address === 'object' && address !== null ? address.port : 0;
      const api = await serveMemory(options, material.tls, {
        kind: 'loopback',
        hostname: '127.0.0.1',
        preferredPort,
      });
      expect(Number(new URL(api.url).port)).not.toBe(preferredPort);
      await api.close();
      holder.close();
    }
  });
});
