// Images that are made the same each time: virtual firmware with TDX metadata, and kernels that are PE files with a Linux setup
// header. They boot nothing; the tools that measure them read what is here.
import { type Bytes, concat, hexDecode } from '@sealroom/bytes';
import { ascii, little } from './sha384.ts';

/** Bytes that look random and are the same for the same seed (a linear congruential generator). */
export function noise(length: number, seed: number): Bytes {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export type MadeSection = {
  readonly address: number;
  readonly size: number;
  readonly type: number;
  readonly attributes: number;
  /** Where it lies in the image; it is as long there as in memory, or not there at all. */
  readonly offset?: number;
};

const entry = (guid: string, data: Uint8Array) => concat(data, little(data.length + 18, 2), hexDecode(guid));

/** A firmware of so many bytes with these sections; another entry stands before that of the metadata, as in OVMF. */
export function madeFirmware(length: number, sections: readonly MadeSection[], seed: number): Bytes {
  const image = noise(length, seed);
  const metadata = concat(
    ascii('TDVF'),
    little(16 + 32 * sections.length, 4),
    little(1, 4),
    little(sections.length, 4),
    ...sections.map(({ address, size, type, attributes, offset }) =>
      concat(
        little(offset ?? 0, 4),
        little(offset === undefined ? 0 : size, 4),
        little(address, 8),
        little(size, 8),
        little(type, 4),
        little(attributes, 4),
      ),
    ),
  );
  const at = length - 0x800;
  image.set(metadata, at);
  const inner = concat(
    entry('35657ae44a989847865e4685a7bf8ec2', little(length - at, 4)),
    entry('da5870000000000000000000000000ff', noise(8, seed)),
  );
  const footer = concat(little(inner.length + 18, 2), hexDecode('de82b596b21ff745baeaa366c55a082d'));
  const table = concat(inner, footer);
  image.set(table, length - 32 - table.length);
  return image;
}

export type MadeKernel = {
  readonly size: number;
  readonly protocol: number;
  readonly above4G: boolean;
  readonly high: boolean;
  /** Bytes of a certificate table at the end. */
  readonly certificates?: number;
  readonly seed: number;
};

const PE = 0x80;
const OPTIONAL = PE + 24;
const OPTIONAL_SIZE = 160;
const HEADERS = 0x400;

/** A kernel: the setup header lies within the PE file's headers, as in a bzImage with an EFI stub. */
export function madeKernel({ size, protocol, above4G, high, certificates = 0, seed }: MadeKernel): Bytes {
  const image = noise(size, seed);
  const put = (at: number, value: number, length: number) => image.set(little(value, length), at);
  image.fill(0, 0, HEADERS);
  image.set(ascii('MZ'));
  put(0x3c, PE, 4);
  put(PE, 0x4550, 4);
  put(PE + 4 + 2, 2, 2);
  put(PE + 4 + 16, OPTIONAL_SIZE, 2);
  put(OPTIONAL, 0x20b, 2);
  put(OPTIONAL + 60, HEADERS, 4);
  put(OPTIONAL + 64, 0x1234_5678, 4);
  if (certificates > 0) {
    put(OPTIONAL + 112 + 32, size - certificates, 4);
    put(OPTIONAL + 112 + 36, certificates, 4);
  }
  const table = OPTIONAL + OPTIONAL_SIZE;
  const middle = HEADERS + 0x2000;
  // The reference reads what no section holds only where certificates follow.
  const end = size - certificates - (certificates > 0 ? 0x100 : 0);
  // The second section stands first in the table.
  put(table + 16, end - middle, 4);
  put(table + 20, middle, 4);
  put(table + 40 + 16, middle - HEADERS, 4);
  put(table + 40 + 20, HEADERS, 4);
  put(0x206, protocol, 2);
  put(0x211, high ? 1 : 0, 1);
  put(0x22c, 0x7fff_ffff, 4);
  put(0x236, above4G ? 0x40 : 0, 2);
  return image;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Firmware, kernel, initrd, command line and memory, measured by the reference and by us. */
export const MADE = {
  'made-1': {
    firmware: madeFirmware(
      MiB,
      [
        { address: 0xfff2_0000, size: MiB - 0x2_0000, type: 0, attributes: 1, offset: 0x2_0000 },
        { address: 0xfff0_0000, size: 0x2_0000, type: 1, attributes: 0, offset: 0 },
        { address: 0x81_0000, size: 0x1_0000, type: 3, attributes: 0 },
        { address: 0x80_b000, size: 0x2000, type: 3, attributes: 0 },
        { address: 0x80_9000, size: 0x2000, type: 2, attributes: 0 },
        { address: 0x80_0000, size: 0x6000, type: 3, attributes: 0 },
      ],
      1,
    ),
    kernel: madeKernel({ size: 0x1_2348, protocol: 0x20f, above4G: true, high: true, seed: 11 }),
    initrd: noise(0x3_0001, 21),
    commandLine: 'console=hvc0 root=/dev/vda ro',
    memory: 2 * GiB,
  },
  'made-2': {
    firmware: madeFirmware(
      2 * MiB,
      [
        { address: 0xffe0_0000, size: 0x10_0000, type: 0, attributes: 1, offset: 0 },
        { address: 0xfff0_0000, size: 0x8000, type: 1, attributes: 1, offset: 0x10_0000 },
        { address: 0x81_0000, size: 0x2000, type: 2, attributes: 0 },
        { address: 0x90_0000, size: 0x4000, type: 4, attributes: 2 },
        { address: 0x81_2000, size: 0x1_0000, type: 3, attributes: 0 },
      ],
      2,
    ),
    kernel: madeKernel({
      size: 0x1_8000,
      protocol: 0x20c,
      above4G: false,
      high: true,
      certificates: 0x208,
      seed: 12,
    }),
    initrd: noise(0x7_7777, 22),
    commandLine: 'quiet “ß” sealroom.manifest=1',
    memory: 8 * GiB,
  },
  'made-3': {
    firmware: madeFirmware(
      0x20_1000,
      [
        { address: 0xffdf_f000, size: 0x20_1000, type: 0, attributes: 1, offset: 0 },
        { address: 0x10_0000, size: 0x1000, type: 2, attributes: 0 },
        { address: 0x20_0000, size: 0x1000, type: 3, attributes: 0 },
        { address: 0x30_0000, size: 0x3000, type: 5, attributes: 1, offset: 0x1000 },
        { address: 0x40_0000, size: 0x1000, type: 1, attributes: 0, offset: 0x5000 },
      ],
      3,
    ),
    kernel: madeKernel({ size: 0x1_0008, protocol: 0x204, above4G: false, high: false, seed: 13 }),
    initrd: noise(1, 23),
    commandLine: '',
    memory: GiB,
  },
} as const;

/** What stands for QEMU's ACPI tables and for the firmware's own boot option. */
export const ACPI = { loader: noise(4096, 31), rsdp: noise(20, 32), tables: noise(0x2_0000, 33) };
export const BOOT0000 = hexDecode(
  '23ada07f5261f12f34a0bd8e46760962d6b4d576a416f1fea1c64bc656b1d28eacf7047ae6e967c58fd2a98bfa74c298',
);
