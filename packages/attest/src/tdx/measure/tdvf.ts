// TDX metadata of a virtual firmware (TDVF design guide, section 11; EDK II, OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm):
// which of its parts the host adds to a TD, and which of them it measures. Found through the table of GUIDs at its end.
import { type Bytes, BytesError, hexEncode, Reader } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';

export const SECTION = {
  bfv: 0,
  cfv: 1,
  tdHob: 2,
  tempMem: 3,
  permMem: 4,
  payload: 5,
  payloadParam: 6,
} as const;

export type TdvfSection = {
  /** The part of the image that is loaded; empty when there is none. */
  readonly data: Bytes;
  readonly address: number;
  readonly size: number;
  readonly type: number;
  /** The host measures its content. */
  readonly extend: boolean;
  /** The guest adds its pages itself. */
  readonly augmented: boolean;
};

const LARGEST = 64 * 1024 * 1024;
const PAGE = 0x1000;
const MOST_SECTIONS = 64;
const MOST_MEMORY = 256 * 1024 * 1024;
const FOOTER = 'de82b596b21ff745baeaa366c55a082d';
const METADATA = '35657ae44a989847865e4685a7bf8ec2';
const FROM_END = 32;
const ATTRIBUTE = { extend: 1, augmented: 2 } as const;

function malformed(why: string): AttestError {
  return new AttestError('attest/malformed', `The firmware is no virtual firmware for TDX: ${why}.`);
}

const numberAt = (bytes: Uint8Array, at: number, length: number) =>
  new Reader(bytes.slice(at, at + length)).uintLE(length);

/** The offset of the metadata from the image's end, from the table of GUIDs, which is read backwards. */
function metadataOffset(firmware: Uint8Array): number {
  const end = firmware.length - FROM_END;
  if (end < 18 || hexEncode(firmware.slice(end - 16, end)) !== FOOTER)
    throw malformed('it has no table of GUIDs at its end');
  const start = end - numberAt(firmware, end - 18, 2);
  if (start < 0) throw malformed('its table of GUIDs is longer than the image');
  for (let at = end - 18; at - 18 >= start; ) {
    const length = numberAt(firmware, at - 18, 2);
    if (length < 18 || at - length < start) throw malformed('an entry of its table has a wrong length');
    if (hexEncode(firmware.slice(at - 16, at)) === METADATA) {
      if (length !== 22) throw malformed('the entry of the metadata has a wrong length');
      return numberAt(firmware, at - 22, 4);
    }
    at -= length;
  }
  throw malformed('it has no TDX metadata');
}

function readSection(reader: Reader, firmware: Uint8Array): TdvfSection {
  const offset = reader.uintLE(4);
  const length = reader.uintLE(4);
  const address = reader.uintLE(6) + 2 ** 48 * reader.uintLE(2);
  const size = reader.uintLE(6) + 2 ** 48 * reader.uintLE(2);
  const type = reader.uintLE(4);
  const attributes = reader.uintLE(4);
  const extend = (attributes & ATTRIBUTE.extend) !== 0;
  const whole = address % PAGE === 0 && size % PAGE === 0 && address + size <= 2 ** 48;
  if (!whole || size > MOST_MEMORY) throw malformed('a section does not lie on whole pages, or is too large');
  if (offset + length > firmware.length || length > size)
    throw malformed('a section lies outside of the image');
  if (extend && length !== size) throw malformed('a section that is measured is not in the image as a whole');
  if (attributes > 3) throw malformed('a section has attributes that are not known');
  const data = new Uint8Array(firmware.slice(offset, offset + length));
  return { data, address, size, type, extend, augmented: (attributes & ATTRIBUTE.augmented) !== 0 };
}

function parse(firmware: Uint8Array): readonly TdvfSection[] {
  const fromEnd = metadataOffset(firmware);
  const start = firmware.length - fromEnd;
  if (start < 0 || fromEnd < 16) throw malformed('its metadata lie outside of the image');
  const reader = new Reader(firmware.slice(start));
  const signature = hexEncode(reader.take(4));
  const length = reader.uintLE(4);
  const version = reader.uintLE(4);
  const count = reader.uintLE(4);
  if (signature !== '54445646' || version !== 1) throw malformed('its metadata are not of version 1');
  if (count === 0 || count > MOST_SECTIONS || length !== 16 + 32 * count)
    throw malformed('its metadata have a wrong length');
  return Array.from({ length: count }, () => readSection(reader, firmware));
}

/**
 * The sections of a virtual firmware, in their order.
 * @throws attest/too-large · attest/malformed
 */
export function parseTdvf(firmware: Uint8Array): readonly TdvfSection[] {
  if (firmware.length > LARGEST)
    throw new AttestError('attest/too-large', 'The firmware is larger than virtual firmware is.');
  try {
    return parse(firmware);
  } catch (error) {
    if (error instanceof BytesError) throw malformed('it ends too early');
    throw error;
  }
}
