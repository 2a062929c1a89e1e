// Composite rooms: evidence of the devices that a room uses, beside its own. A device's nonce is made from what the room's
// evidence binds (protocol.md section 7), so that each speaks of the same room and run; the entry says which devices there
// must be, no fewer and no more, in its order; and no device counts twice. Which devices a room really computes on is for its
// program to see to: evidence says that they are there, genuine, and were asked by this room.
import { type Bytes, sha256, utf8Encode } from '@sealroom/bytes';
import type { Submodule } from './appraise.ts';
import type { Policy } from './policy.ts';
import { type CommonEntry, demandsOf } from './technology.ts';
import type { AnyEvidence, Check, Context, DeviceEvidence } from './types.ts';

/** What must be bound: by what the room chose, and by what was fixed when it was started. */
export type Wanted = { readonly reportData: Uint8Array; readonly run: Uint8Array | undefined };

/** What one piece of evidence is judged by. */
export type Judged = {
  readonly entry: CommonEntry;
  readonly policy: Policy;
  readonly wanted: Wanted | undefined;
  readonly context: Context;
};

const DOMAIN = utf8Encode('sealroom/gpu/v1');

/** The nonce that a room asks its devices with, from the B that its own evidence binds. */
export async function deviceNonce(reportData: Uint8Array): Promise<Bytes> {
  return sha256(DOMAIN, reportData);
}

function check(id: string, good: boolean, detail: string): Check {
  return { id, category: 'device', outcome: good ? 'pass' : 'fail', detail };
}

/**
 * Appraises the devices of a room; `checks` are about all of them together.
 * @param judged the room's own entry, and what its evidence must bind
 * @param judge how one piece of evidence is parsed and judged
 */
export async function appraiseDevices(
  evidence: AnyEvidence,
  { entry, policy, wanted, context }: Judged,
  judge: (device: DeviceEvidence, submodule: string, judged: Judged) => Promise<Submodule>,
): Promise<{ checks: readonly Check[]; submodules: readonly Submodule[] }> {
  const { technology } = evidence;
  const devices = ('devices' in evidence && evidence.devices) || [];
  const demands = (entry.devices ?? []).flatMap(demandsOf);
  if (demands.length === 0 && devices.length === 0) return { checks: [], submodules: [] };
  const count = `the entry demands devices (${demands.length}), and evidence came of as many (${devices.length})`;
  const bound = wanted && { reportData: await deviceNonce(wanted.reportData), run: undefined };
  const submodules: Submodule[] = [];
  for (const [index, demand] of demands.entries()) {
    const device = devices[index];
    if (device?.technology !== demand.technology) continue;
    submodules.push(await judge(device, `gpu${index}`, { entry: demand, policy, wanted: bound, context }));
  }
  const whole = demands.length === devices.length && demands.length === submodules.length;
  const platforms = submodules.flatMap(({ claims }) =>
    claims ? [claims.platform, ...(claims.otherPlatforms ?? [])] : [],
  );
  const distinct = new Set(platforms).size === platforms.length;
  const checks = [
    check(`${technology}/devices`, whole, count),
    check(`${technology}/devices/distinct`, distinct, 'no device stands for two'),
  ];
  return { checks, submodules };
}
