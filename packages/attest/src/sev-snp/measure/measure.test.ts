// Launch digests beside those of sev-snp-measure, the tool of virtee (PyPI), for Debian's OVMF and for firmware that is built here.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, hexDecode } from '@sealroom/bytes';
import { afterAll, describe, expect, test } from 'vitest';
import { parseFirmware, SECTION } from './firmware.ts';
import { measureSnp, type SnpLaunch } from './measure.ts';
import { PROCESSOR_NAMES, processorSignature } from './processors.ts';

const python = process.env['SEALROOM_PYTHON'] ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'sealroom-measure-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** @throws where CI asks that nothing be skipped */
function has(found: boolean, reason: string): boolean {
  if (found) return true;
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI must not skip its tests.`);
  console.log(`skipped: ${reason}`);
  return false;
}

const tool = has(
  spawnSync(python, ['-c', 'import sevsnpmeasure']).status === 0,
  `sev-snp-measure is not here (pip install sev-snp-measure; SEALROOM_PYTHON names the python, now "${python}")`,
);
const DEBIAN = [
  '/usr/share/OVMF/OVMF_CODE.fd',
  '/usr/share/OVMF/OVMF_CODE.secboot.fd',
  '/usr/share/ovmf/OVMF.fd',
];
const ovmf = has(
  DEBIAN.every((path) => existsSync(path)),
  'Debian’s package ovmf is not installed',
);

const SCRIPT = `
import json, sys
from sevsnpmeasure import guest, vcpu_types
from sevsnpmeasure.sev_mode import SevMode
from sevsnpmeasure.vmm_types import VMMType
given = json.load(sys.stdin)
vmm = {"qemu": VMMType.QEMU, "ec2": VMMType.ec2, "gce": VMMType.gce}
out = []
for g in given:
    sig = g["processor"] if isinstance(g["processor"], int) else vcpu_types.CPU_SIGS[g["processor"]]
    out.append(guest.calc_launch_digest(SevMode.SEV_SNP, g["vcpus"], sig, g["firmware"], g["kernel"], g["initrd"], g["append"],
               g["features"], vmm_type=vmm[g["vmm"]]).hex())
print(json.dumps(out))
`;

let files = 0;
function fileOf(bytes: Uint8Array | undefined): string {
  if (!bytes) return '';
  const path = join(folder, String(files++));
  writeFileSync(path, bytes);
  return path;
}

function byTool(launches: readonly SnpLaunch[]): string[] {
  const input = launches.map(
    ({ firmware, boot, vcpus, processor, guestFeatures = 1n, hypervisor = 'qemu' }) => ({
      firmware: fileOf(firmware),
      kernel: fileOf(boot?.kernel),
      initrd: fileOf(boot?.initrd),
      append: boot?.commandLine ?? '',
      vcpus,
      processor,
      features: Number(guestFeatures),
      vmm: hypervisor,
    }),
  );
  const { status, stdout, stderr } = spawnSync(python, ['-c', SCRIPT], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`sev-snp-measure failed: ${stderr.slice(-500)}`);
  return JSON.parse(stdout) as string[];
}

const GUID = {
  footer: 'de82b596b21ff745baeaa366c55a082d',
  hashTable: '1f3755723b3a044b927b1da6efa8d454',
  resetBlock: 'de71f7007e1acb4f890e68c77e2fb44e',
  metadata: '666588dc4a989847a75e5585a7bf67cc',
};

function uint(value: number, length: 2 | 4): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = Math.floor(value / 256 ** i) % 256;
  return bytes;
}

const entry = (guid: string, data: Uint8Array) => concat(data, uint(data.length + 18, 2), hexDecode(guid));

type Made = {
  readonly sections?: readonly (readonly [address: number, size: number, kind: number])[];
  readonly hashTable?: number;
  readonly reset?: number;
  readonly pages?: number;
  /** Changes the table of GUIDs. */
  readonly table?: (entries: Uint8Array[]) => Uint8Array[];
  readonly metadata?: (bytes: Uint8Array) => void;
};

const SECTIONS: NonNullable<Made['sections']> = [
  [0x800000, 0x9000, SECTION.memory],
  [0x80a000, 0x3000, SECTION.memory],
  [0x80d000, 0x1000, SECTION.secrets],
  [0x80e000, 0x1000, SECTION.cpuid],
  [0x80f000, 0x1000, SECTION.callingArea],
  [0x810000, 0x1000, SECTION.kernelHashes],
  [0x811000, 0xf000, SECTION.memory],
];

/** Firmware that does nothing and has the tables of OVMF. */
function make({
  sections = SECTIONS,
  hashTable = 0x810c00,
  reset = 0x80b004,
  pages = 20,
  table = (entries) => entries,
  metadata = () => undefined,
}: Made = {}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pages * 4096);
  for (let at = 0; at < bytes.length; at += 7) bytes[at] = at % 251;
  const described = concat(
    new TextEncoder().encode('ASEV'),
    uint(16 + 12 * sections.length, 4),
    uint(1, 4),
    uint(sections.length, 4),
    ...sections.flatMap((section) => section.map((value) => uint(value, 4))),
  );
  metadata(described);
  const start = bytes.length - 0x800;
  bytes.set(described, start);
  const entries = table([
    entry(GUID.hashTable, concat(uint(hashTable, 4), uint(0x400, 4))),
    entry(GUID.metadata, uint(0x800, 4)),
    entry(GUID.resetBlock, uint(reset, 4)),
  ]);
  const length = entries.reduce((sum, { length: one }) => sum + one, 0) + 18;
  const whole = concat(...entries, uint(length, 2), hexDecode(GUID.footer));
  bytes.set(whole, bytes.length - 32 - whole.length);
  return bytes;
}

const boot = {
  kernel: new Uint8Array(100_000).fill(7),
  initrd: new Uint8Array(5000).fill(8),
  commandLine: 'console=ttyS0 sealroom.manifest=é',
};

/** Firmware that is built here: each input of a launch is varied. */
const MADE: readonly SnpLaunch[] = [
  { firmware: make(), vcpus: 1, processor: 'EPYC-Milan' },
  { firmware: make(), vcpus: 3, processor: 'EPYC-Genoa', boot },
  { firmware: make(), vcpus: 2, processor: 'EPYC-Turin', boot: { kernel: boot.kernel, commandLine: '' } },
  { firmware: make(), vcpus: 2, processor: 'EPYC', boot, guestFeatures: 0x21n },
  { firmware: make(), vcpus: 5, processor: 'EPYC-Rome', boot, hypervisor: 'ec2' },
  { firmware: make(), vcpus: 5, processor: 'EPYC-Milan', boot, hypervisor: 'gce' },
  { firmware: make({ hashTable: 0x810000, pages: 70 }), vcpus: 2, processor: 0x00a10f11, boot },
  { firmware: make({ sections: SECTIONS.slice(0, 4), hashTable: 0 }), vcpus: 64, processor: 'EPYC-IBPB' },
];

describe.skipIf(!tool)('a launch digest equals that of sev-snp-measure', () => {
  test('for firmware that is built here, whatever the launch', async () => {
    const ours = await Promise.all(MADE.map(measureSnp));
    expect(ours).toEqual(byTool(MADE));
    expect(new Set(ours).size).toBe(MADE.length);
  });

  test('for every processor that QEMU names', () => {
    const names = JSON.stringify(PROCESSOR_NAMES);
    const script = `import json; from sevsnpmeasure.vcpu_types import CPU_SIGS; print(json.dumps([CPU_SIGS[n] for n in ${names}]))`;
    const { stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8' });
    expect(PROCESSOR_NAMES.map((name) => processorSignature(name))).toEqual(JSON.parse(stdout));
  });

  test.skipIf(!ovmf)('for Debian’s OVMF', async () => {
    const launches = DEBIAN.flatMap((path, index): SnpLaunch[] => [
      { firmware: readFileSync(path), vcpus: 1 + index, processor: 'EPYC-Milan' },
      {
        firmware: readFileSync(path),
        vcpus: 4,
        processor: 'EPYC-Genoa',
        hypervisor: index === 1 ? 'ec2' : 'gce',
      },
    ]);
    expect(await Promise.all(launches.map(measureSnp))).toEqual(byTool(launches));
  });
});

describe('a launch digest', () => {
  const base: SnpLaunch = { firmware: make(), vcpus: 2, processor: 'EPYC-Milan', boot };

  test('changes with everything that a launch consists of', async () => {
    const changed = make();
    changed[100] = (changed[100] ?? 0) ^ 1;
    const others: readonly Partial<SnpLaunch>[] = [
      {},
      { firmware: changed },
      { vcpus: 3 },
      { processor: 'EPYC-Genoa' },
      { guestFeatures: 0x101n },
      { hypervisor: 'ec2' },
      { hypervisor: 'gce' },
      { boot: undefined },
      { boot: { ...boot, commandLine: `${boot.commandLine} ` } },
      { boot: { ...boot, initrd: undefined } },
      { boot: { ...boot, kernel: boot.kernel.slice(1) } },
    ];
    const digests = await Promise.all(others.map(async (other) => measureSnp({ ...base, ...other })));
    expect(new Set(digests).size).toBe(others.length);
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{96}$/);
  });

  const malformed = expect.objectContaining({ code: 'attest/malformed' });

  test('is not made of launches that would not be measured as they are', async () => {
    const bad: readonly Partial<SnpLaunch>[] = [
      { vcpus: 0 },
      { vcpus: 1.5 },
      { vcpus: 5000 },
      { processor: -1 },
      { processor: 2 ** 32 },
      { processor: { family: 25, model: 256, stepping: 0 } },
      { processor: { family: 25, model: 1, stepping: 16 } },
      { guestFeatures: -1n },
      { guestFeatures: 1n << 64n },
      { boot: { ...boot, commandLine: 'a\0b' } },
      { firmware: make({ sections: SECTIONS.slice(0, 4) }) },
      { firmware: make({ hashTable: 0 }) },
      { firmware: make({ hashTable: 0x810fff }) },
      { firmware: make({ reset: 0 }) },
    ];
    for (const other of bad)
      await expect(
        measureSnp({ ...base, ...other }),
        JSON.stringify(Object.keys(other)),
      ).rejects.toThrowError(malformed);
  });

  test('is not made of firmware whose tables are not in order', () => {
    const bad: readonly (Made | Uint8Array)[] = [
      new Uint8Array(),
      new Uint8Array(4095),
      new Uint8Array(4096),
      new Uint8Array(8193),
      { table: (entries) => entries.slice(0, 2) },
      { table: (entries) => [...entries.slice(0, 1), ...entries.slice(2)] },
      { table: (entries) => [...entries, ...entries.slice(0, 1)] },
      { table: (entries) => [...entries, entry('00'.repeat(16), new Uint8Array()).fill(0, 0, 2)] },
      { table: (entries) => [...entries, entry('00'.repeat(16), new Uint8Array()).fill(0xff, 0, 2)] },
      { table: (entries) => [...entries.slice(0, 2), entry(GUID.resetBlock, new Uint8Array(3))] },
      {
        table: (entries) => [
          ...entries.slice(0, 1),
          entry(GUID.metadata, uint(0xffffffff, 4)),
          ...entries.slice(2),
        ],
      },
      { table: (entries) => [...entries.slice(0, 1), entry(GUID.metadata, uint(8, 4)), ...entries.slice(2)] },
      { metadata: (bytes) => bytes.fill(0, 0, 4) },
      { metadata: (bytes) => bytes.fill(2, 8, 9) },
      { metadata: (bytes) => bytes.fill(0xff, 12, 16) },
      { metadata: (bytes) => bytes.fill(0xff, 4, 8) },
      { sections: [[0x800000, 0x1000, 5]] },
      { sections: [[0x800001, 0x1000, 1]] },
      { sections: [[0x800000, 0x1001, 1]] },
      { sections: [[0x800000, 0, 1]] },
    ];
    for (const [index, one] of bad.entries())
      expect(
        () => parseFirmware(one instanceof Uint8Array ? one : make(one)),
        `firmware ${index}`,
      ).toThrowError(malformed);
    expect(() => parseFirmware(new Uint8Array(64 * 1024 * 1024 + 4096))).toThrowError(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });

  test.skipIf(!ovmf)('is not made of Debian’s firmware of 4 MB, which has no metadata for SEV-SNP', () => {
    const file = readFileSync('/usr/share/OVMF/OVMF_CODE_4M.fd');
    expect(() => parseFirmware(file)).toThrowError(malformed);
  });

  test('is not made of firmware that is cut at any page', () => {
    const whole = make();
    for (let length = 0; length < whole.length; length += 4096)
      expect(() => parseFirmware(whole.slice(0, length)), `length ${length}`).toThrowError(malformed);
  });
});
