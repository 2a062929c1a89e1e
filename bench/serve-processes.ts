// The processes of bench/serve.ts, each on its own: the store, the room's Enclave API over it, and a client.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createAuthority,
  createLog,
  fileStoreRoutes,
  issueCertificate,
  LOOPBACK_HOSTS,
  serverApp,
  signContainerUrl,
  startServer,
  tlsFetch,
} from '@sealroom/host';
import { SegmentPool } from '@sealroom/host/sealing';
import { base64urlDecode } from '@sealroom/bytes';
import { sealedSize, streamRange, TINK_1MB } from '@sealroom/seal';
import { createEnclaveApi } from '../apps/room/src/enclave-api/api.ts';
import { serveEnclaveApi } from '../apps/room/src/enclave-api/serve.ts';
import { openAsset } from '../apps/room/src/staging.ts';
import type { PlannedAsset } from '../apps/room/src/plan.ts';
import { readObject } from '../apps/room/src/store.ts';

/** What the parent hands to the room's process on its standard input. */
export type RoomTask = {
  readonly folder: string;
  readonly size: number;
  readonly asset: PlannedAsset;
  /** base64url. */
  readonly key: string;
  readonly storeCa: string;
};

async function standardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return text;
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function certificates() {
  const authority = await createAuthority();
  const { certPem, keyPem } = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS });
  return { ca: authority.certPem, certPem, keyPem };
}

/** The hub's own file store over TLS; the container is the folder `sealed` below the given one. */
async function store(directory: string): Promise<void> {
  const { ca, certPem, keyPem } = await certificates();
  const log = createLog({ name: 'bench', silent: true });
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const app = serverApp({ log, name: 'bench', checks: {} });
  app.route('/', fileStoreRoutes({ directory, secret, now: Date.now }));
  const { url: baseUrl } = await startServer({
    app,
    host: '127.0.0.1',
    port: 0,
    tls: { certPem, keyPem },
    log,
  });
  const expires = Date.now() / 1000 + 86_400;
  say({ url: signContainerUrl({ baseUrl, container: 'sealed', secret, expires, permissions: 'r' }), ca });
}

/** Serves one file in four ways under four names, and says what it has used when asked by a signal. */
async function room(): Promise<void> {
  const { folder, size, asset, key, storeCa } = JSON.parse(await standardInput()) as RoomTask;
  const fetch = tlsFetch({ caPem: storeCa });
  const threads = new SegmentPool();
  threads.start();
  const staging = { fetch, opener: threads.open };
  const assetKey = base64urlDecode(key);
  const name = 'large.bin';
  const opened = async (access: 'staged' | 'streamed') => {
    const parts = { ...staging, folder: join(folder, `spool-${access}`) };
    const file = (await openAsset({ ...asset, access }, assetKey, parts)).files.get(name);
    if (!file) throw new Error('The file is not there.');
    return file;
  };
  const [staged, streamed] = [await opened('staged'), await opened('streamed')];
  const sealed = sealedSize(size);
  const { segmentSize } = TINK_1MB;
  const ways: { [way: string]: () => AsyncIterable<Uint8Array> } = {
    clear: () => createReadStream(join(folder, 'plain', name), { highWaterMark: segmentSize }),
    staged: () => streamRange(staged, 0, size),
    streamed: () => streamRange(streamed, 0, size),
    proxied: () => readObject({ url: asset.url, fetch }, name, { start: 0, end: sealed, size: sealed }),
  };
  const files = Object.keys(ways).map((way) => ({
    id: way,
    name: way,
    size: way === 'proxied' ? sealed : size,
    uploadDate: asset.uploadedAt,
  }));
  const never = () => Promise.reject(new Error('Nothing but files is served here.'));
  const app = createEnclaveApi({
    files,
    ids: { project: 'p', runConfiguration: 'c', run: 'r' },
    openFile: async (way) => {
      const make = ways[way];
      return make && { size, stream: make() };
    },
    gateReport: never,
    submitReport: never,
    failRun: never,
    postLog: never,
  });
  const { ca, certPem, keyPem } = await certificates();
  const tls = { key: keyPem, cert: certPem };
  const place = { kind: 'loopback', hostname: '127.0.0.1', preferredPort: 0 } as const;
  const api = await serveEnclaveApi({ app, tls, place });
  process.on('SIGUSR2', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    say({ mostMemory: maxRSS * 1024, processorSeconds: (userCPUTime + systemCPUTime) / 1e6 });
  });
  say({ url: api.url, ca });
}

/** Reads one file after another, named a line on standard input, and says the seconds and bytes of each. */
async function client(): Promise<void> {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { url, ca } = JSON.parse(String((await lines.next()).value)) as { url: string; ca: string };
  for await (const way of lines) {
    const start = performance.now();
    const asked = request(`${url}/api/v1/data/file?filepath=${way}`, { ca, agent: false }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let bytes = 0;
    response.on('data', (chunk: Uint8Array) => (bytes += chunk.length));
    await once(response, 'end');
    say({ bytes, seconds: (performance.now() - start) / 1000 });
  }
}

const [, , role, folder = ''] = process.argv;
if (role === 'store') await store(folder);
else if (role === 'room') await room();
else if (role === 'client') await client();
