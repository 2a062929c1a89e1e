// The page with hashes of kernel, initial RAM disk and command line of a direct boot, exactly as QEMU fills it (target/i386/sev.c):
// a table of GUIDs, lengths and SHA-256 digests, padded to 16 bytes, at the place in the page that the firmware names.
import { type Bytes, concat, hexDecode, sha256, utf8Encode } from '@sealroom/bytes';
import { PAGE, refuse } from './firmware.ts';

const TABLE = '06d63894224fc94cb479a793d411fd21';
const ENTRIES = {
  commandLine: 'd82dd09720bd944caa78e7714d36ab2a',
  initrd: '31f7ba442f3ad74b9af141e29169781d',
  kernel: '3794e74dd2ab7f42b835d5b172d2045b',
} as const;
const ENTRY_SIZE = 16 + 2 + 32;
const TABLE_SIZE = 16 + 2 + 3 * ENTRY_SIZE;

export type DirectBoot = {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  readonly commandLine: string;
};

function uint16(value: number): Bytes {
  return new Uint8Array([value & 0xff, value >> 8]);
}

/** @param address of the table; only its place in the page counts. @throws attest/malformed */
export async function hashesPage(
  { kernel, initrd = new Uint8Array(), commandLine }: DirectBoot,
  address: number,
): Promise<Bytes> {
  if (commandLine.includes('\0')) throw refuse('the command line has a NUL');
  const entry = async (guid: string, content: Uint8Array) =>
    concat(hexDecode(guid), uint16(ENTRY_SIZE), await sha256(content));
  const table = concat(
    hexDecode(TABLE),
    uint16(TABLE_SIZE),
    await entry(ENTRIES.commandLine, utf8Encode(`${commandLine}\0`)),
    await entry(ENTRIES.initrd, initrd),
    await entry(ENTRIES.kernel, kernel),
  );
  const at = address % PAGE;
  if (at + Math.ceil(TABLE_SIZE / 16) * 16 > PAGE)
    throw refuse('its table of hashes does not fit into one page');
  const page = new Uint8Array(PAGE);
  page.set(table, at);
  return page;
}
