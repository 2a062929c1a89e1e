// RTMR[0] to RTMR[2] of a TD whose firmware is OVMF (EDK II) and whose kernel QEMU loads directly, computed from the images, as
// dstack's rooms boot. What each event is, and in which order, depends on the firmware: this is OVMF before 2025.05, with an
// empty variable store and no secure boot. For any other boot, replay the event log of a TD that you trust (event-log.ts).
// Not computed: ACPI tables, which QEMU makes; they are given as QEMU's `etc/table-loader`, `etc/acpi/rsdp`, `etc/acpi/tables`.
import { type Bytes, concat } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';
import { measureKernel } from './kernel.ts';
import { ascii, little, replay, sha384, utf16Encode } from './sha384.ts';
import { tdHandOff } from './td-hob.ts';
import { parseTdvf, SECTION } from './tdvf.ts';

const GLOBAL = [0x8be4df61, 0x93ca, 0x11d2, 0xaa0d00e098032b8cn] as const;
const SECURITY_DATABASE = [0xd719b2cb, 0x3d3a, 0x4596, 0xa3bcdad00e67656fn] as const;
type Guid = readonly [number, number, number, bigint];

const VARIABLES: readonly (readonly [Guid, string])[] = [
  [GLOBAL, 'SecureBoot'],
  [GLOBAL, 'PK'],
  [GLOBAL, 'KEK'],
  [SECURITY_DATABASE, 'db'],
  [SECURITY_DATABASE, 'dbx'],
];

function guidBytes([first, second, third, rest]: Guid): Bytes {
  const last = Array.from({ length: 8 }, (_, i) => Number((rest >> BigInt(8 * (7 - i))) & 0xffn));
  return concat(little(first, 4), little(second, 2), little(third, 2), new Uint8Array(last));
}

/** UEFI_VARIABLE_DATA of a variable that has no content. */
async function emptyVariable([guid, name]: readonly [Guid, string]): Promise<Bytes> {
  return sha384(guidBytes(guid), little(name.length, 8), little(0, 8), utf16Encode(name));
}

const SEPARATOR = new Uint8Array(4);

export type AcpiTables = {
  readonly loader: Uint8Array;
  readonly rsdp: Uint8Array;
  readonly tables: Uint8Array;
};

export type Rtmr0Options = {
  readonly firmware: Uint8Array;
  /** Bytes of memory that the TD has. */
  readonly memory: number;
  readonly acpi: AcpiTables;
  /**
   * SHA-384 of the load option Boot0000, which the firmware makes for its own menu: a property of the firmware's build, which
   * the event log of any TD under this firmware shows.
   */
  readonly boot0000: Uint8Array;
  /** SHA-384 of the configuration volume, where the log shows another than the image's own. */
  readonly configurationVolume?: Uint8Array;
};

/** Digests that the firmware extends RTMR[0] with. @throws attest/too-large · attest/malformed */
export async function rtmr0Events(options: Rtmr0Options): Promise<readonly Bytes[]> {
  const { firmware, memory, acpi, boot0000 } = options;
  const sections = parseTdvf(firmware);
  const volume = sections.find(({ type }) => type === SECTION.cfv);
  if (!volume && !options.configurationVolume)
    throw new AttestError('attest/malformed', 'The firmware has no configuration volume.');
  const configuration = options.configurationVolume ?? (await sha384(volume?.data ?? new Uint8Array()));
  return [
    await sha384(tdHandOff(sections, memory)),
    new Uint8Array(configuration),
    ...(await Promise.all(VARIABLES.map(emptyVariable))),
    await sha384(SEPARATOR),
    await sha384(acpi.loader),
    await sha384(acpi.rsdp),
    await sha384(acpi.tables),
    await sha384(new Uint8Array(2)),
    new Uint8Array(boot0000),
  ];
}

/** Digests that the firmware extends RTMR[1] with: the kernel, and that it was started. */
export async function rtmr1Events(options: {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly memory: number;
}): Promise<readonly Bytes[]> {
  const { kernel, initrd, memory } = options;
  return [
    await measureKernel(kernel, { initrd: initrd.length, memory }),
    await sha384(ascii('Calling EFI Application from Boot Option')),
    await sha384(SEPARATOR),
    await sha384(ascii('Exit Boot Services Invocation')),
    await sha384(ascii('Exit Boot Services Returned with Success')),
  ];
}

/** Digests that the kernel’s EFI stub extends RTMR[2] with: command line and initrd. */
export async function rtmr2Events(options: {
  readonly commandLine: string;
  readonly initrd: Uint8Array;
}): Promise<readonly Bytes[]> {
  return [await sha384(utf16Encode(`${options.commandLine}\0`)), await sha384(options.initrd)];
}

export type DirectBoot = Rtmr0Options & {
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  /** As the kernel gets it; QEMU adds ` initrd=initrd` for some firmware, which must stand here then. */
  readonly commandLine: string;
};

/** RTMR[0], RTMR[1] and RTMR[2]. @throws attest/too-large · attest/malformed */
export async function measureRegisters(boot: DirectBoot): Promise<readonly [Bytes, Bytes, Bytes]> {
  return [
    await replay(await rtmr0Events(boot)),
    await replay(await rtmr1Events(boot)),
    await replay(await rtmr2Events(boot)),
  ];
}
