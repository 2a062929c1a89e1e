// The TD hand-off block, which QEMU writes for the firmware and which the firmware measures first (EDK II, OvmfPkg, PeilessStartup;
// QEMU, hw/i386/tdvf-hob.c): a list of hand-off blocks (UEFI PI specification, volume 3) of the TD's memory, accepted where the
// firmware's metadata place it, not yet accepted elsewhere.
import { type Bytes, concat } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';
import { little } from './sha384.ts';
import { SECTION, type TdvfSection } from './tdvf.ts';

type Range = { readonly start: number; readonly end: number; readonly accepted: boolean };

const RESOURCE = { accepted: 0x00, unaccepted: 0x07 } as const;
/** Present, initialised and tested. */
const ATTRIBUTES = 7;
const GIB4 = 0x1_0000_0000;
const LOW_MEMORY = { most: 0xb000_0000, otherwise: 0x8000_0000 } as const;

function resource({ start, end, accepted }: Range): Bytes {
  return concat(
    little(3, 2),
    little(48, 2),
    new Uint8Array(4 + 16),
    little(accepted ? RESOURCE.accepted : RESOURCE.unaccepted, 4),
    little(ATTRIBUTES, 4),
    little(start, 8),
    little(end - start, 8),
  );
}

/** Memory below 4 GiB in order: accepted where a section says so. */
function lowRanges(sections: readonly TdvfSection[], below: number): Range[] {
  const accepted = sections
    .filter(({ type }) => type === SECTION.tdHob || type === SECTION.tempMem)
    .map(({ address, size }) => ({ start: address, end: address + size, accepted: true }))
    .toSorted((a, b) => a.start - b.start);
  const ranges: Range[] = [];
  let at = 0;
  for (const range of accepted) {
    if (range.start < at || range.end > below)
      throw new AttestError(
        'attest/malformed',
        'Sections of the firmware overlap, or lie outside of the memory.',
      );
    if (range.start > at) ranges.push({ start: at, end: range.start, accepted: false });
    ranges.push(range);
    at = range.end;
  }
  if (below > at) ranges.push({ start: at, end: below, accepted: false });
  return ranges;
}

/** @param memory bytes of memory that the TD has. @throws attest/malformed */
export function tdHandOff(sections: readonly TdvfSection[], memory: number): Bytes {
  const place = sections.filter(({ type }) => type === SECTION.tdHob);
  const [hob] = place;
  if (!hob || place.length !== 1)
    throw new AttestError('attest/malformed', 'The firmware has no one place for the hand-off block.');
  const below = memory >= LOW_MEMORY.most ? LOW_MEMORY.otherwise : memory;
  const ranges = lowRanges(sections, below);
  if (memory > below) ranges.push({ start: GIB4, end: GIB4 + memory - below, accepted: false });
  const resources = ranges.map(resource);
  const end = hob.address + 56 + 48 * resources.length + 8;
  const head = concat(little(1, 2), little(56, 2), new Uint8Array(4), little(9, 4), new Uint8Array(36));
  return concat(head, little(end, 8), ...resources);
}
