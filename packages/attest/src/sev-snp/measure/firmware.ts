// What a launch measurement needs of guest firmware built from EDK II's OvmfPkg: the table of GUIDs that ends 32 bytes before the
// end (OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm), and in it the SEV metadata (OvmfSevMetadata.asm), the address of the page for
// hashes of a directly booted kernel, and where further processors begin. The firmware ends at 4 GiB. It is taken as it is given:
// whether it is firmware to be trusted is for whoever builds it.
import { type Bytes, hexEncode } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';

const FOUR_GIB = 0x1_0000_0000;
export const PAGE = 4096;
const LARGEST = 64 * 1024 * 1024;
const TABLE_END = 32;
const HEADER = 18;
const MOST_SECTIONS = 256;

/** As they stand in the file: the first three groups in little-endian order. */
const GUID = {
  footer: 'de82b596b21ff745baeaa366c55a082d',
  hashTable: '1f3755723b3a044b927b1da6efa8d454',
  resetBlock: 'de71f7007e1acb4f890e68c77e2fb44e',
  metadata: '666588dc4a989847a75e5585a7bf67cc',
} as const;

export const SECTION = {
  memory: 1,
  secrets: 2,
  cpuid: 3,
  callingArea: 4,
  kernelHashes: 0x10,
} as const;
const KINDS: ReadonlySet<number> = new Set(Object.values(SECTION));

export type Section = { readonly kind: number; readonly address: number; readonly size: number };

export type Firmware = {
  readonly bytes: Bytes;
  /** Guest physical address of its first byte. */
  readonly address: number;
  readonly sections: readonly Section[];
  /** Where processors but the first begin. */
  readonly resetAddress: number;
  /** Address of the table of hashes; undefined when this firmware has no place for one. */
  readonly hashTable: number | undefined;
};

export function refuse(what: string): AttestError {
  return new AttestError('attest/malformed', `The firmware cannot be measured: ${what}.`);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Entries by GUID, read from the end: data, then its length with this header, then the GUID. */
function tableOf(firmware: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const end = firmware.length - TABLE_END;
  const view = viewOf(firmware);
  const entryAt = (entryEnd: number) => ({
    size: view.getUint16(entryEnd - HEADER, true),
    guid: hexEncode(firmware.subarray(entryEnd - HEADER + 2, entryEnd)),
  });
  const footer = entryAt(end);
  if (footer.guid !== GUID.footer) throw refuse('it has no table of GUIDs at its end');
  const begin = end - footer.size;
  if (footer.size < HEADER || begin < 0) throw refuse('its table of GUIDs has an impossible length');
  const table = new Map<string, Uint8Array>();
  for (let at = end - HEADER; at - begin >= HEADER; ) {
    const { size, guid } = entryAt(at);
    if (size < HEADER || at - size < begin) throw refuse('an entry of its table has an impossible length');
    if (table.has(guid)) throw refuse('its table names one GUID twice');
    table.set(guid, firmware.subarray(at - size, at - HEADER));
    at -= size;
  }
  return table;
}

function addressIn(table: ReadonlyMap<string, Uint8Array>, guid: string): number | undefined {
  const data = table.get(guid);
  if (!data) return undefined;
  if (data.length < 4) throw refuse('an entry of its table is too short');
  return viewOf(data).getUint32(0, true);
}

function sectionsOf(firmware: Uint8Array, fromEnd: number | undefined): readonly Section[] {
  if (fromEnd === undefined) throw refuse('it has no metadata for SEV; build it with support for SEV-SNP');
  const start = firmware.length - fromEnd;
  if (start < 0 || fromEnd < 16) throw refuse('its SEV metadata lies outside');
  const view = viewOf(firmware.subarray(start));
  const [signature, size, version, count] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  if (signature !== 0x56455341 || version !== 1) throw refuse('its SEV metadata is not of version 1');
  if (
    count === undefined ||
    size === undefined ||
    count > MOST_SECTIONS ||
    size > fromEnd ||
    16 + 12 * count > size
  )
    throw refuse('its SEV metadata has an impossible length');
  return Array.from({ length: count }, (_, index) => {
    const [address = 0, length = 0, kind = 0] = [0, 4, 8].map((at) =>
      view.getUint32(16 + 12 * index + at, true),
    );
    if (!KINDS.has(kind)) throw refuse(`its SEV metadata has a section of the unknown kind ${kind}`);
    if (length === 0 || length % PAGE !== 0 || address % PAGE !== 0)
      throw refuse('a section is not made of pages');
    return { kind, address, size: length };
  });
}

/** @throws attest/malformed · attest/too-large */
export function parseFirmware(file: Uint8Array): Firmware {
  if (file.length > LARGEST)
    throw new AttestError('attest/too-large', 'Guest firmware is never larger than 64 MiB.');
  if (file.length < PAGE || file.length % PAGE !== 0) throw refuse('its length is not a number of pages');
  const bytes = new Uint8Array(file);
  const table = tableOf(bytes);
  const resetAddress = addressIn(table, GUID.resetBlock);
  if (resetAddress === undefined) throw refuse('it does not say where further processors begin');
  const hashTable = addressIn(table, GUID.hashTable);
  return {
    bytes,
    address: FOUR_GIB - bytes.length,
    sections: sectionsOf(bytes, addressIn(table, GUID.metadata)),
    resetAddress,
    hashTable: hashTable === 0 ? undefined : hashTable,
  };
}
