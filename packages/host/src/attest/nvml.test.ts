// GPUs of a made-up NVIDIA behind the real helper program and a stand-in of nvidia-ml-py that gives their bytes, which no GPU is; helpers
// that lie, fail and stall; and the stand-in held against the real package, where it is installed.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appraiseEvidence, deviceNonce, type Policy, readCollateral } from '@sealroom/attest';
import { hexEncode } from '@sealroom/bytes';
import { gpuCollateral, gpuDemand } from '@sealroom/testkit/devices';
import { type FakeGpu, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { standInGpu, standInNvml, type StandInNvml } from '@sealroom/testkit/vendors/nvml';
import { hasPython, runPython } from '@sealroom/testkit/vendors/python-peer';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { detectDevices } from './detect.ts';
import { NVIDIA_DEVICE, nvidiaGpus, NVML_HELPER } from './nvml.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const nvidia = await fakeNvidia(NOW);
const gpus = [await nvidia.gpu(), await nvidia.gpu({ chip: 'GB100' })] as const;
const nonce = await deviceNonce(new Uint8Array(32).fill(5));
const [, SCRIPT = ''] = NVML_HELPER;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-nvml-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64');

const madeUp = (gpu: FakeGpu, { over = nonce, arch = 9 } = {}) =>
  standInGpu(nvidia, gpu, { nonce: over, arch });

/** The words of the real helper, with the stand-in where Python looks for nvidia-ml-py. */
const standIn = async (said: StandInNvml) => [...(await standInNvml(folder, said)), ...NVML_HELPER];

/** A helper that says this, whatever it is asked. */
async function saying(text: string): Promise<readonly string[]> {
  const script = join(folder, 'says.mjs');
  await writeFile(script, `process.stdout.write(${JSON.stringify(text)});`);
  return [process.execPath, script];
}

const provide = (helper: readonly string[], timeoutMs = 30_000) =>
  nvidiaGpus({ helper, timeoutMs }).provide(nonce);
const refusedWith = (helper: readonly string[], code: string, timeoutMs?: number) =>
  expect(provide(helper, timeoutMs)).rejects.toMatchObject({ code });

describe('GPUs behind NVML', () => {
  test('are all asked with the nonce, and what comes is what a vault affirms', async () => {
    const blackwell = await madeUp(gpus[1], { arch: 10 });
    const found = await provide(await standIn({ gpus: [await madeUp(gpus[0]), blackwell] }));
    expect(found).toHaveLength(2);
    const { count: _, ...entry } = gpuDemand(1, {
      architectures: ['hopper', 'blackwell'],
      reference: { values: [] } as never,
    });
    const collateral = readCollateral(await gpuCollateral(nvidia, gpus));
    const judge = async (index: number, given: Uint8Array) => {
      const evidence = found[index];
      if (!evidence) throw new Error('no evidence');
      const values = Object.fromEntries(Array.from({ length: 64 }, (_each, at) => [String(at), 'ignored']));
      const policy = {
        v: 1,
        binding: { reportData: hexEncode(given) },
        accept: [{ ...entry, reference: { values: [values] } }],
        distrust: [],
      } as Policy;
      const context = { at: NOW, roots: nvidia.roots, collateral };
      const { checks } = await appraiseEvidence(evidence, policy, { context });
      return checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id);
    };
    expect([await judge(0, nonce), await judge(1, nonce)]).toEqual([[], []]);
    expect(await judge(0, new Uint8Array(32))).toContain('nvidia-gpu/binding');
  });

  test.each([
    ['the driver is not loaded', { driver: false, gpus: [] }, 'provider/unavailable'],
    ['there is no GPU', { gpus: [] }, 'provider/none'],
    ['confidential computing is off', { feature: 0, gpus: [{}] }, 'provider/refused'],
    ['a GPU is of another architecture', { gpus: [{ arch: 7 }] }, 'provider/refused'],
    ['a GPU gives no report', { gpus: [{ chain: '' }] }, 'provider/refused'],
  ])('prove nothing when %s', async (_what, said, code) => {
    await refusedWith(await standIn(said), code);
  });

  test('prove nothing where Python lacks nvidia-ml-py', async () => {
    // Without the folders of installed packages.
    await refusedWith(['python3', '-I', '-S', SCRIPT], 'provider/unavailable');
  });

  test('are not taken for others that were asked with another nonce', async () => {
    const old = await madeUp(gpus[0], { over: new Uint8Array(32).fill(1) });
    await refusedWith(await standIn({ gpus: [await madeUp(gpus[0]), old] }), 'provider/malformed');
  });
});

describe('a helper', () => {
  const good = async () => {
    const { report, chain } = await madeUp(gpus[0]);
    return { arch: 'HOPPER', certificate: chain, evidence: report, nonce: hexEncode(nonce) };
  };
  const CHEATS: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['nothing', async () => undefined],
    ['no GPU', async () => []],
    ['seventeen GPUs', async () => Array.from({ length: 17 }, good)],
    ['another nonce beside the report', async () => [{ ...(await good()), nonce: '00'.repeat(32) }]],
    ['a word more', async () => [{ ...(await good()), token: 'x' }]],
    ['a report cut short', async () => [{ ...(await good()), evidence: base64('AQID') }]],
    ['no Base64', async () => [{ ...(await good()), evidence: '!!' }]],
    ['certificates that are none', async () => [{ ...(await good()), certificate: base64('words') }]],
    ['another architecture', async () => [{ ...(await good()), arch: 'AMPERE' }]],
    ['an unknown refusal', async () => ({ refused: 'constructor' })],
    ['a refusal of another form', async () => ({ refused: 'no-gpus', gpus: [] })],
    ['a name', async () => 'HOPPER'],
  ];
  test.each(CHEATS)('that says %s is not believed', async (_what, said) => {
    const value = await said();
    const list = Array.isArray(value) ? await Promise.all(value) : value;
    await refusedWith(await saying(list === undefined ? '' : JSON.stringify(list)), 'provider/malformed');
  });

  test('that says what is right is believed, as the test’s own check', async () => {
    expect(await provide(await saying(JSON.stringify([await good()])))).toHaveLength(1);
  });

  test('that says too much, fails, is not there or never ends is given up', async () => {
    await refusedWith(await saying(' '.repeat(2 * 1024 * 1024)), 'provider/unavailable');
    await refusedWith([process.execPath, '-e', 'process.exit(1)'], 'provider/unavailable');
    await refusedWith(['/nonexistent/helper'], 'provider/unavailable');
    const stubborn = `process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);`;
    await refusedWith([process.execPath, '-e', stubborn], 'provider/unavailable', 500);
  });

  test('gets the nonce and no variable of this process but PATH', async () => {
    vi.stubEnv('SEALROOM_NODE_SECRET', 'a secret');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const script = join(folder, 'curious.mjs');
    const seen = join(folder, 'seen.json');
    await writeFile(
      script,
      `import { readFileSync, writeFileSync } from 'node:fs';
       const asked = readFileSync(0, 'utf8');
       writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ asked, names: Object.keys(process.env) }));
       process.stdout.write('{"refused":"no-gpus"}');`,
    );
    await refusedWith([process.execPath, script], 'provider/none');
    const { asked, names } = JSON.parse(await readFile(seen, 'utf8')) as { asked: string; names: string[] };
    expect(asked).toBe(`${hexEncode(nonce)}\n`);
    expect(names.filter((name) => name.startsWith('SEALROOM'))).toEqual([]);
    expect(names).toContain('PATH');
  });
});

describe('detection', () => {
  test('finds GPUs where NVIDIA’s driver is, and says that there are none where it is not', async () => {
    const place = join(folder, 'nvidiactl');
    await expect(detectDevices('nvidia-gpu', { place })).rejects.toMatchObject({ code: 'provider/none' });
    await writeFile(place, '');
    const helper = await standIn({ gpus: [await madeUp(gpus[0])] });
    const provider = await detectDevices('nvidia-gpu', { place, helper });
    expect(await provider.provide(nonce)).toHaveLength(1);
    await expect(detectDevices('nvidia-nras', { place })).rejects.toMatchObject({ code: 'provider/none' });
  });
});

const python = process.env['SEALROOM_PYTHON'] ?? 'python3';
const real = hasPython(['pynvml'], 'nvidia-ml-py==13.615.71');
test.skipIf(!real || existsSync(NVIDIA_DEVICE))(
  'the helper with the real package says that there is no driver, where there is none',
  async () => {
    await expect(provide([python, SCRIPT])).rejects.toMatchObject({
      code: 'provider/unavailable',
      message: expect.stringContaining('driver') as string,
    });
  },
);

test.skipIf(!real)('the stand-in has the names, constants and structures of the real package', async () => {
  await standIn({ gpus: [] });
  const describeModule = `
import ctypes, importlib.util, json, sys
def load(path):
    if path is None:
        import pynvml
        return pynvml
    spec = importlib.util.spec_from_file_location("stand_in", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
def told(module, names):
    found = {}
    for name in names:
        value = getattr(module, name)
        if isinstance(value, int): found[name] = value
        elif isinstance(value, type) and issubclass(value, ctypes.Structure):
            found[name] = [[field, getattr(value, field).offset, getattr(value, field).size] for field, _ in value._fields_]
        elif isinstance(value, type): found[name] = [base.__name__ for base in value.__mro__]
        else: found[name] = list(value.__code__.co_varnames[: value.__code__.co_argcount])
    return found
path = json.load(sys.stdin)
stand_in, package = load(path), load(None)
names = [name for name in vars(stand_in) if name.startswith(("nvml", "NVML", "c_nvml"))]
print(json.dumps([told(stand_in, names), told(package, names)]))`;
  const [ours, theirs] = runPython(describeModule, join(folder, 'pynvml.py')) as Record<string, unknown>[];
  expect(Object.keys(ours ?? {}).length).toBeGreaterThan(15);
  expect(ours).toEqual({ ...theirs, NVMLError: ours?.['NVMLError'] });
});
