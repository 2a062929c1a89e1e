// MRTD: what the TDX module makes of a TD's first pages (Intel TDX Module base specification, "Measurement of the TD's initial
// contents"). For each page TDH.MEM.PAGE.ADD puts its name and address into the hash; for each quarter kilobyte of a measured
// page TDH.MR.EXTEND puts its name, address and content. The order is the host's choice: QEMU since 9.0 and Google extend each
// page when they add it, earlier patches of QEMU add all pages of a section first.
import { type Bytes } from '@sealroom/bytes';
import { ascii, little, sha384 } from './sha384.ts';
import { parseTdvf, type TdvfSection } from './tdvf.ts';

export type PageOrder = 'page-by-page' | 'section-by-section';

const PAGE = 0x1000;
const CHUNK = 0x100;
const RECORD = 128;

function record(name: string, address: number): Bytes {
  const bytes = new Uint8Array(RECORD);
  bytes.set(ascii(name));
  bytes.set(little(address, 8), 16);
  return bytes;
}

function added({ augmented, address }: TdvfSection, page: number): Bytes[] {
  return augmented ? [] : [record('MEM.PAGE.ADD', address + page * PAGE)];
}

function extended({ extend, address, data }: TdvfSection, page: number): Bytes[] {
  const parts: Bytes[] = [];
  if (!extend) return parts;
  for (let at = page * PAGE; at < (page + 1) * PAGE; at += CHUNK)
    parts.push(record('MR.EXTEND', address + at), data.subarray(at, at + CHUNK));
  return parts;
}

/** As concat, of more parts than a call has arguments. */
function join(parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The launch digest of a TD that starts with this firmware. @throws attest/too-large · attest/malformed */
export async function measureMrTd(firmware: Uint8Array, order: PageOrder = 'page-by-page'): Promise<Bytes> {
  const parts: Bytes[] = [];
  for (const section of parseTdvf(firmware)) {
    const pages = Array.from({ length: section.size / PAGE }, (_, page) => page);
    if (order === 'page-by-page')
      for (const page of pages) parts.push(...added(section, page), ...extended(section, page));
    else {
      for (const page of pages) parts.push(...added(section, page));
      for (const page of pages) parts.push(...extended(section, page));
    }
  }
  return sha384(join(parts));
}
