// The certificate table behind an extended report (AMD GHCB specification, document 56421, SNP_GUEST_REQUEST): entries of GUID
// (16 bytes), offset and length (32 bits each, little-endian, from the table's begin), ended by an entry of zeros; then the
// data, padded with zeros. A GUID only says what the host calls it; what a certificate is, its content says.
import { type Bytes, hexEncode, isZero } from '@sealroom/bytes';
import { AttestError } from '../error.ts';

/** VCEK, VLEK, ASK (also ASVK) and ARK. */
const CERTIFICATES = [
  '63da758de6644564adc5f4b93be8accd',
  'a8074bc2a25a483eaae639c045a0b8a1',
  '4ab7b379bbac4fe4a02f05aef327c782',
  'c0b406a4a803495297433fb6014cd0ae',
];
const ENTRY = 24;
const MOST = 32;

/** GUIDs are written as they read, and by some in the mixed order of UEFI. */
function mixed(guid: string): string {
  const swap = (from: number, to: number) => (guid.slice(from, to).match(/../g) ?? []).reverse().join('');
  return swap(0, 8) + swap(8, 12) + swap(12, 16) + guid.slice(16);
}
const KNOWN: ReadonlySet<string> = new Set(CERTIFICATES.flatMap((guid) => [guid, mixed(guid)]));

function malformed(what: string): AttestError {
  return new AttestError(
    'attest/malformed',
    `The certificate table behind the report is malformed: ${what}.`,
  );
}

type Entry = { readonly guid: string; readonly offset: number; readonly length: number };

function entriesOf(table: Uint8Array): { readonly entries: readonly Entry[]; readonly end: number } {
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  const entries: Entry[] = [];
  for (let at = 0; ; at += ENTRY) {
    if (at + ENTRY > table.length || entries.length > MOST) throw malformed('it has no end');
    const entry = table.subarray(at, at + ENTRY);
    if (isZero(entry)) return { entries, end: at + ENTRY };
    const guid = hexEncode(entry.subarray(0, 16));
    entries.push({ guid, offset: view.getUint32(at + 16, true), length: view.getUint32(at + 20, true) });
  }
}

/**
 * The certificates of a table, as bytes; none when there is no table. Entries of other kinds are passed over.
 * @throws attest/malformed when entries overlap, reach out of the table or leave bytes that nothing names
 */
export function readCertificateTable(table: Uint8Array): Bytes[] {
  if (isZero(table)) return [];
  const { entries, end } = entriesOf(table);
  let at = end;
  for (const { offset, length } of entries.toSorted((a, b) => a.offset - b.offset)) {
    if (offset < at || length === 0 || offset + length > table.length)
      throw malformed('an entry is out of place');
    if (!isZero(table.subarray(at, offset))) throw malformed('there are bytes between the entries');
    at = offset + length;
  }
  if (!isZero(table.subarray(at))) throw malformed('there are bytes behind its end');
  return entries
    .filter(({ guid }) => KNOWN.has(guid))
    .map(({ offset, length }) => new Uint8Array(table.slice(offset, offset + length)));
}
