// The event log of a TD (ACPI table CCEL; UEFI specification, "Confidential Computing Measurement", and TCG PC Client Platform
// Firmware Profile, section 10): what the firmware and the boot loader extended the registers with. A log is the word of who
// hands it over; it is worth something when the registers that it replays to are those of a quote.
import { type Bytes, BytesError, hexEncode, Reader } from '@sealroom/bytes';
import { AttestError } from '../../error.ts';
import { replay } from './sha384.ts';

export type TdEvent = {
  /** 0 to 3; the log counts measurement registers, of which the first is MRTD. */
  readonly register: number;
  readonly type: number;
  readonly digest: Bytes;
  readonly data: Bytes;
};

const LARGEST = 16 * 1024 * 1024;
const MOST_EVENTS = 65_536;
const SHA384 = 0x0c;
const NO_ACTION = 3;
const DIGEST_SIZES: { readonly [algorithm: number]: number } = {
  0x04: 20,
  0x0b: 32,
  0x0c: 48,
  0x0d: 64,
  0x12: 32,
};
const END = 0xffff_ffff;

function malformed(why: string): AttestError {
  return new AttestError('attest/malformed', `The event log is malformed: ${why}.`);
}

/** The first event, in the old form, names the algorithms of those that follow. */
function readHeader(reader: Reader): void {
  const index = reader.uintLE(4);
  const type = reader.uintLE(4);
  reader.take(20);
  const data = reader.take(reader.uintLE(4));
  const signature = hexEncode(data.slice(0, 16));
  if (index > 1 || type !== NO_ACTION || signature !== '53706563204944204576656e74303300')
    throw malformed('it does not begin with the event that names its form');
}

function readDigest(reader: Reader): Bytes {
  const count = reader.uintLE(4);
  let found: Bytes | undefined;
  if (count === 0 || count > 8) throw malformed('an event has no digests, or too many');
  for (let i = 0; i < count; i++) {
    const algorithm = reader.uintLE(2);
    const size = DIGEST_SIZES[algorithm];
    if (size === undefined) throw malformed('an event has a digest of an algorithm that is not known');
    const digest = reader.take(size);
    if (algorithm !== SHA384) continue;
    if (found) throw malformed('an event has two SHA-384 digests');
    found = digest;
  }
  if (!found) throw malformed('an event has no SHA-384 digest');
  return found;
}

function parse(log: Uint8Array): TdEvent[] {
  const reader = new Reader(log);
  readHeader(reader);
  const events: TdEvent[] = [];
  while (reader.remaining >= 4) {
    const index = reader.uintLE(4);
    if (index === END || index === 0) break;
    const type = reader.uintLE(4);
    const digest = readDigest(reader);
    const data = reader.take(reader.uintLE(4));
    if (index > 4 || events.length >= MOST_EVENTS) throw malformed('an event is of no register of a TD');
    events.push({ register: index - 1, type, digest, data });
  }
  const rest = reader.take(reader.remaining);
  if (rest.some((byte) => byte !== 0xff && byte !== 0)) throw malformed('bytes follow its end');
  return events;
}

/**
 * Events of the registers, in order; those that were only told and not extended are left out.
 * @throws attest/too-large · attest/malformed
 */
export function parseEventLog(log: Uint8Array): readonly TdEvent[] {
  if (log.length > LARGEST) throw new AttestError('attest/too-large', 'The event log is too large.');
  try {
    return parse(log).filter(({ type }) => type !== NO_ACTION);
  } catch (error) {
    if (error instanceof BytesError) throw malformed('it ends too early');
    throw error;
  }
}

/** What RTMR[0] to RTMR[3] hold after these events. */
export async function replayEventLog(events: readonly TdEvent[]): Promise<readonly Bytes[]> {
  const of = (register: number) => events.filter((event) => event.register === register);
  return Promise.all([0, 1, 2, 3].map((register) => replay(of(register).map(({ digest }) => digest))));
}
