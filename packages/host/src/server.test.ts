import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { serverApp } from './http.ts';
import { createLog } from './log.ts';
import { type RunningServer, startServer } from './server.ts';

const log = createLog({ name: 'test', silent: true });
const running: RunningServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(options: { host?: string; allowPlainHttp?: boolean; drainMs?: number } = {}) {
  const app = serverApp({ name: 'test', log });
  const server = await startServer({ app, host: '127.0.0.1', port: 0, log, ...options });
  running.push(server);
  return { app, server };
}

describe('listening', () => {
  it('answers on the port it names and says nothing of its software', async () => {
    const { server } = await start();
    const response = await fetch(`${server.url}/livez`);
    expect(response.status).toBe(200);
    expect(response.headers.get('server')).toBeNull();
    expect(response.headers.get('x-powered-by')).toBeNull();
  });

  it('refuses plain HTTP beyond loopback unless told', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'http/insecure' });
    await expect(start({ host: '::' })).rejects.toMatchObject({ code: 'http/insecure' });
    const { server } = await start({ host: '0.0.0.0', allowPlainHttp: true });
    expect(server.url).toMatch(/^http:\/\/localhost:/);
  });

  it('finishes what is in flight before it closes and takes nothing new', async () => {
    const { app, server } = await start();
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    app.get('/slow', async (c) => {
      started.resolve();
      await finish.promise;
      return c.text('finished');
    });
    const inFlight = fetch(`${server.url}/slow`);
    await started.promise;
    const closed = server.close();
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow();
    finish.resolve();
    expect(await (await inFlight).text()).toBe('finished');
    await closed;
  });

  it('cuts what is still in flight when the drain time is over', async () => {
    const { app, server } = await start({ drainMs: 20 });
    const started = Promise.withResolvers<void>();
    app.get('/stuck', () => {
      started.resolve();
      return new Promise<Response>(() => {});
    });
    const inFlight = fetch(`${server.url}/stuck`).then(
      () => 'answered',
      () => 'cut',
    );
    await started.promise;
    await server.close();
    expect(await inFlight).toBe('cut');
  });
});

function child(code: string) {
  const module = pathToFileURL(join(import.meta.dirname, 'lifecycle.ts')).href;
  const source = `import { onStop, readyLine, stopWithParent } from ${JSON.stringify(module)};\n${code}`;
  return spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

describe('the life of a process', () => {
  const stopper = `
    onStop(() => console.log('first'));
    onStop(async () => { console.log('second'); });
    stopWithParent();
    setInterval(() => {}, 1000);
    readyLine({ name: 'test', url: 'http://x' });`;

  async function runUntilReady(code: string, end: (process: ReturnType<typeof child>) => void) {
    const started = child(code);
    let output = '';
    started.stdout.on('data', (chunk) => {
      if (output === '') end(started);
      output += String(chunk);
    });
    const [status] = await once(started, 'close');
    return { status, lines: output.trim().split('\n') };
  }

  it('prints one ready line and stops in reverse order on SIGTERM', async () => {
    const { status, lines } = await runUntilReady(stopper, (started) => started.kill('SIGTERM'));
    expect(lines).toEqual(['{"ready":true,"name":"test","url":"http://x"}', 'second', 'first']);
    expect(status).toBe(0);
  });

  it('stops when its parent’s pipe ends', async () => {
    const { status, lines } = await runUntilReady(stopper, (started) => started.stdin.end());
    expect(lines.slice(1)).toEqual(['second', 'first']);
    expect(status).toBe(0);
  });

  it('exits with 1 when stopping fails', async () => {
    const failing = `onStop(() => { throw new Error('no'); }); setInterval(() => {}, 1000); readyLine({ name: 't' });`;
    expect((await runUntilReady(failing, (started) => started.kill('SIGINT'))).status).toBe(1);
  });
});
