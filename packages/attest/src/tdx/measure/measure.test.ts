// Against dstack-mr (Rust), run once over the same files: vectors/attest/tdx-measure.json holds what it gave. Images: Debian's
// OVMF where the package is installed, and ones made here.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesEqual, concat, hexDecode, hexEncode, sha256 } from '@sealroom/bytes';
import { describe, expect, it } from 'vitest';
import { parseEventLog, replayEventLog } from './event-log.ts';
import { ACPI, BOOT0000, MADE, madeFirmware, madeKernel, noise } from './images-for-tests.ts';
import { authenticodeSha384, measureKernel, patchedKernel } from './kernel.ts';
import { measureMrTd } from './mrtd.ts';
import { measureRegisters, rtmr0Events } from './registers.ts';
import { little, replay, sha384 } from './sha384.ts';
import { parseTdvf } from './tdvf.ts';

type Expected = {
  readonly firmwareSha256: string;
  readonly mrTd: string;
  readonly mrTdSectionBySection: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
};
const VECTORS = join(
  import.meta.dirname,
  '..',
  '..',
  '..',
  '..',
  '..',
  'vectors',
  'attest',
  'tdx-measure.json',
);
const { images } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { images: Record<string, Expected> };
/** The reference has the configuration volume of its own firmware built in. */
const REFERENCE_VOLUME = hexDecode(
  '344bc51c980ba621aaa00da3ed7436f7d6e549197dfe699515dfa2c6583d95e6412af21c097d473155875ffd561d6790',
);

const OVMF = '/usr/share/OVMF';
const DEBIAN: Readonly<Record<string, { files: readonly string[]; boot: keyof typeof MADE }>> = {
  'debian-ovmf': { files: ['/usr/share/ovmf/OVMF.fd'], boot: 'made-1' },
  'debian-secboot': { files: [`${OVMF}/OVMF_VARS.fd`, `${OVMF}/OVMF_CODE.secboot.fd`], boot: 'made-2' },
  'debian-secboot-ms': {
    files: [`${OVMF}/OVMF_VARS.ms.fd`, `${OVMF}/OVMF_CODE.secboot.fd`],
    boot: 'made-3',
  },
};

async function measured(firmware: Uint8Array, boot: keyof typeof MADE) {
  const { kernel, initrd, commandLine, memory } = MADE[boot];
  const volume = { configurationVolume: REFERENCE_VOLUME };
  const whole = { firmware, kernel, initrd, commandLine, memory, acpi: ACPI, boot0000: BOOT0000, ...volume };
  const [rtmr0, rtmr1, rtmr2] = await measureRegisters(whole);
  return {
    firmwareSha256: hexEncode(await sha256(new Uint8Array(firmware))),
    mrTd: hexEncode(await measureMrTd(firmware)),
    mrTdSectionBySection: hexEncode(await measureMrTd(firmware, 'section-by-section')),
    rtmr0: hexEncode(rtmr0),
    rtmr1: hexEncode(rtmr1),
    rtmr2: hexEncode(rtmr2),
  };
}

describe('launch measurements of a TD', () => {
  it.each(Object.keys(MADE) as (keyof typeof MADE)[])('of %s are those of the reference', async (name) => {
    expect(await measured(MADE[name].firmware, name)).toEqual(images[name]);
  });

  it.each(Object.keys(DEBIAN))('of %s are those of the reference', async (name) => {
    const { files = [], boot = 'made-1' } = DEBIAN[name] ?? {};
    if (!files.every((file) => existsSync(file))) {
      if (process.env['CI'] === 'true') throw new Error('Debian’s package ovmf is missing; CI must have it.');
      console.log('skipped: Debian’s package ovmf is not installed');
      return;
    }
    const firmware = concat(...files.map((file) => readFileSync(file)));
    const found = await measured(firmware, boot);
    expect(parseTdvf(firmware).length).toBeGreaterThan(3);
    if (found.firmwareSha256 === images[name]?.firmwareSha256) expect(found).toEqual(images[name]);
    else console.log('skipped: Debian’s package ovmf is of another version than the vectors');
  });

  it('depend on firmware, memory, kernel, initrd and command line, and the order of pages', async () => {
    const { firmware, kernel, initrd, commandLine, memory } = MADE['made-1'];
    const boot = { firmware, kernel, initrd, commandLine, memory, acpi: ACPI, boot0000: BOOT0000 };
    const all = async (change: Partial<typeof boot>) =>
      (await measureRegisters({ ...boot, ...change })).map(hexEncode);
    const good = await all({});
    const changes = async (change: Partial<typeof boot>) => {
      const found = await all(change);
      return good.map((value, i) => value !== found[i]);
    };
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    expect(await changes({ memory: 8 * 2 ** 30 })).toEqual([true, false, false]);
    expect(await changes({ memory: 2 ** 30 })).toEqual([true, true, false]);
    expect(await changes({ initrd: flipped(initrd, 5) as never })).toEqual([false, false, true]);
    expect(await changes({ kernel: flipped(kernel, 0x1000) as never })).toEqual([false, true, false]);
    expect(await changes({ commandLine: `${commandLine} debug` as never })).toEqual([false, false, true]);
    expect(await changes({ acpi: { ...ACPI, rsdp: noise(20, 99) } })).toEqual([true, false, false]);
    const other = flipped(firmware, 0x3_0000);
    expect(hexEncode(await measureMrTd(other))).not.toBe(hexEncode(await measureMrTd(firmware)));
    expect((await rtmr0Events({ ...boot, firmware: flipped(firmware, 5) }))[1]).not.toEqual(
      (await rtmr0Events(boot))[1],
    );
  });
});

const malformed = expect.objectContaining({ code: 'attest/malformed' });

// The parts of a large image were arguments of one call, more than the stack holds.
it('firmware of many pages is measured in both orders', async () => {
  const sections = [{ address: 0x8000_0000, size: 0x100_0000, type: 0, attributes: 1, offset: 0 }];
  const image = madeFirmware(0x110_0000, sections, 3);
  const digests = await Promise.all([measureMrTd(image), measureMrTd(image, 'section-by-section')]);
  expect(digests.map(({ length }) => length)).toEqual([48, 48]);
  expect(new Set(digests.map(hexEncode)).size).toBe(2);
});

describe('firmware', () => {
  const section = { address: 0x10_0000, size: 0x1000, type: 3, attributes: 0 };
  it('that is malformed is refused, at every truncation and with every wrong section', () => {
    const image = madeFirmware(0x2000, [section], 9);
    expect(parseTdvf(image)).toHaveLength(1);
    for (let length = 0; length < image.length; length += 13)
      expect(() => parseTdvf(image.slice(0, length)), String(length)).toThrow(malformed);
    for (const change of [
      { address: 0x10_0001 },
      { size: 0x1001 },
      { size: 2 ** 40 },
      { attributes: 4 },
      { attributes: 1 },
      { offset: 0x1800 },
      { address: 2 ** 50 },
    ])
      expect(
        () => parseTdvf(madeFirmware(0x2000, [{ ...section, ...change }], 9)),
        JSON.stringify(change),
      ).toThrow(malformed);
    expect(() => parseTdvf(madeFirmware(0x2000, [], 9))).toThrow(malformed);
    expect(() => parseTdvf(new Uint8Array(65 * 2 ** 20))).toThrow(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });
});

describe('a kernel', () => {
  const kernel = madeKernel({ size: 0x8000, protocol: 0x20f, above4G: true, high: true, seed: 5 });
  it('is measured without its checksum, but with all else', async () => {
    const hash = hexEncode(await authenticodeSha384(kernel));
    const changed = async (at: number) =>
      hexEncode(await authenticodeSha384(kernel.map((byte, i) => (i === at ? byte ^ 1 : byte))));
    expect(await changed(0x80 + 24 + 64)).toBe(hash);
    for (const at of [0x90, 0x300, 0x400, 0x7fff]) expect(await changed(at), String(at)).not.toBe(hash);
  });

  it('that is no PE file, of an old protocol, or too large for the memory is refused', async () => {
    const memory = 2 ** 31;
    await expect(
      measureKernel(
        kernel.map((byte, i) => (i === 0x80 ? 0 : byte)),
        { initrd: 1, memory },
      ),
    ).rejects.toThrow(malformed);
    for (const length of [0, 64, 0x200, 0xfff, 0x7fff])
      await expect(measureKernel(kernel.slice(0, length), { initrd: 1, memory })).rejects.toThrow(malformed);
    const old = madeKernel({ size: 0x8000, protocol: 0x201, above4G: false, high: true, seed: 5 });
    expect(() => patchedKernel(old, { initrd: 1, memory })).toThrow(malformed);
    expect(() => patchedKernel(kernel, { initrd: memory, memory })).toThrow(malformed);
    expect(() => patchedKernel(kernel, { initrd: 1, memory: 1000 })).toThrow(malformed);
  });
});

describe('an event log', () => {
  const legacy = concat(
    little(1, 4),
    little(3, 4),
    new Uint8Array(20),
    little(16, 4),
    hexDecode('53706563204944204576656e74303300'),
  );
  const event = (index: number, type: number, digest: Uint8Array, data = new Uint8Array(3)) =>
    concat(
      little(index, 4),
      little(type, 4),
      little(1, 4),
      little(0x0c, 2),
      digest,
      little(data.length, 4),
      data,
    );
  const digests = [1, 2, 3, 4, 5].map((seed) => noise(48, seed));
  const [a, b, c, d, e] = digests as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const log = concat(
    legacy,
    event(1, 1, a),
    event(2, 4, b),
    event(1, 3, c),
    event(1, 4, d),
    event(4, 4, e),
    new Uint8Array(40).fill(0xff),
  );

  it('replays to the registers, without what was only told', async () => {
    const registers = await replayEventLog(parseEventLog(log));
    const expected = [await replay([a, d]), await replay([b]), new Uint8Array(48), await replay([e])];
    expect(registers.map(hexEncode)).toEqual(expected.map(hexEncode));
    expect(bytesEqual(registers[1] ?? a, await sha384(new Uint8Array(48), b))).toBe(true);
  });

  it('that is malformed is refused', () => {
    const end = log.length - 40;
    const good = new Set([legacy.length]);
    let at = legacy.length;
    for (let i = 0; i < 5; i++) good.add((at += 4 + 4 + 4 + 2 + 48 + 4 + 3));
    for (let length = 0; length < end; length++) {
      // Up to three bytes behind an event are padding when they are zeros; the first byte of an event is not.
      if (good.has(length)) continue;
      expect(() => parseEventLog(log.slice(0, length)), String(length)).toThrow(malformed);
    }
    expect(() => parseEventLog(concat(legacy, event(6, 1, a)))).toThrow(malformed);
    expect(() => parseEventLog(concat(log, new Uint8Array([1])))).toThrow(malformed);
    expect(() => parseEventLog(concat(legacy.slice(0, 32), noise(16, 1), event(1, 1, a)))).toThrow(malformed);
    expect(() => parseEventLog(new Uint8Array(17 * 2 ** 20))).toThrow(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });
});
