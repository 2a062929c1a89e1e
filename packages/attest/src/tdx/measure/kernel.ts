// What the firmware measures of a kernel that QEMU loads directly: the Authenticode hash (Microsoft, "Windows Authenticode
// Portable Executable Signature Format") of the image after QEMU has written into its setup header (Linux x86 boot protocol;
// QEMU, hw/i386/x86-common.c), which depends on the initrd's size and on the TD's memory.
import { type Bytes, BytesError, Reader } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';
import { little, sha384 } from './sha384.ts';

const LARGEST = 512 * 1024 * 1024;
const LOW_MEMORY = { most: 0xb000_0000, otherwise: 0x8000_0000 } as const;
/** What QEMU keeps free for ACPI tables above the initrd on the machine type q35. */
const ACPI_DATA = 0x28_000;
const INITRD_MAX = 0x37ff_ffff;

function malformed(why: string): AttestError {
  return new AttestError('attest/malformed', `The kernel cannot be measured: ${why}.`);
}

function numberAt(bytes: Uint8Array, at: number, length: number): number {
  try {
    return new Reader(bytes.slice(at, at + length)).uintLE(length);
  } catch (error) {
    if (error instanceof BytesError) throw malformed('the image ends too early');
    throw error;
  }
}

function initrdAddress(kernel: Uint8Array, { initrd, memory }: { initrd: number; memory: number }): number {
  const protocol = numberAt(kernel, 0x206, 2);
  let most = INITRD_MAX;
  if (protocol >= 0x20c) {
    if ((numberAt(kernel, 0x236, 2) & 0x40) !== 0) most = 0xffff_ffff;
  } else if (protocol >= 0x203) most = numberAt(kernel, 0x22c, 4) || INITRD_MAX;
  const low = memory < LOW_MEMORY.most ? LOW_MEMORY.most : LOW_MEMORY.otherwise;
  const below = Math.min(memory, low) - ACPI_DATA;
  if (below <= 0) throw malformed('the TD has too little memory');
  if (most >= below) most = below - 1;
  if (initrd >= most) throw malformed('the initrd is too large for the TD’s memory');
  const address = most - initrd;
  return address - (address % 4096);
}

/** The image as QEMU hands it to the firmware. @throws attest/malformed */
export function patchedKernel(image: Uint8Array, where: { initrd: number; memory: number }): Bytes {
  if (image.length < 0x1000) throw malformed('the image is too short');
  const kernel = new Uint8Array(image.slice());
  const protocol = numberAt(kernel, 0x206, 2);
  if (protocol < 0x202) throw malformed('its boot protocol is older than 2.02');
  const high = ((kernel[0x211] ?? 0) & 1) !== 0;
  const [setup, commandLine] = high ? [0x10_000, 0x20_000] : [0x90_000, 0x9a_000];
  kernel[0x210] = 0xb0;
  kernel[0x211] = (kernel[0x211] ?? 0) | 0x80;
  kernel.set(little(commandLine - setup - 0x200, 4), 0x224);
  kernel.set(little(commandLine, 4), 0x228);
  if (where.initrd > 0) {
    kernel.set(little(initrdAddress(kernel, where), 4), 0x218);
    kernel.set(little(where.initrd, 4), 0x21c);
  }
  return kernel;
}

type Layout = {
  readonly checksum: number;
  readonly certificateEntry: number;
  readonly headers: number;
  readonly sections: readonly { readonly start: number; readonly size: number }[];
};

function layoutOf(image: Uint8Array): Layout {
  const pe = numberAt(image, 0x3c, 4);
  if (numberAt(image, pe, 4) !== 0x4550) throw malformed('the image is no PE file');
  const coff = pe + 4;
  const optional = coff + 20;
  const magic = numberAt(image, optional, 2);
  if (magic !== 0x20b && magic !== 0x10b) throw malformed('the image is no PE file');
  const table = optional + numberAt(image, coff + 16, 2);
  const count = numberAt(image, coff + 2, 2);
  if (count > 96) throw malformed('the image has too many sections');
  const sections = Array.from({ length: count }, (_, i) => ({
    size: numberAt(image, table + 40 * i + 16, 4),
    start: numberAt(image, table + 40 * i + 20, 4),
  }));
  return {
    checksum: optional + 64,
    certificateEntry: optional + (magic === 0x20b ? 112 : 96) + 4 * 8,
    headers: numberAt(image, optional + 60, 4),
    sections: sections.filter(({ size }) => size > 0).toSorted((a, b) => a.start - b.start),
  };
}

/** SHA-384 of a PE file without its checksum, its certificate table and the entry of that. @throws attest/malformed */
export async function authenticodeSha384(image: Uint8Array): Promise<Bytes> {
  if (image.length > LARGEST) throw new AttestError('attest/too-large', 'The image is too large.');
  const { checksum, certificateEntry, headers, sections } = layoutOf(image);
  if (headers < certificateEntry + 8 || headers > image.length)
    throw malformed('its headers have a wrong length');
  // Tools that sign pad such a file, firmware hashes it as it is: their hashes would differ.
  if (image.length % 8 !== 0) throw malformed('its length is no multiple of eight bytes');
  const parts = [
    image.subarray(0, checksum),
    image.subarray(checksum + 4, certificateEntry),
    image.subarray(certificateEntry + 8, headers),
  ];
  let hashed = headers;
  for (const { start, size } of sections) {
    parts.push(image.subarray(start, start + size));
    hashed += size;
  }
  const certificates = numberAt(image, certificateEntry + 4, 4);
  const behind = image.length - hashed - certificates;
  if (behind > 0) parts.push(image.subarray(hashed, hashed + behind));
  return sha384(...parts);
}

/** The digest that the firmware extends RTMR[1] with first. */
export async function measureKernel(
  kernel: Uint8Array,
  where: { readonly initrd: number; readonly memory: number },
): Promise<Bytes> {
  return authenticodeSha384(patchedKernel(kernel, where));
}
