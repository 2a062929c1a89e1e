// The policy that accepts exactly one room with its devices: the room's own entry, and what accepts each device in its order.
// Neighbours that are alike are one demand for several.
import {
  type AnyEvidence,
  type Context,
  type DeviceEvidence,
  parsePolicy,
  pinnedPolicy,
  type Policy,
  technologyOf,
} from '@sealroom/attest';
import { base64urlDecode } from '@sealroom/bytes';

type Demand = { readonly technology: DeviceEvidence['technology']; readonly pinned: object; count: number };

function demandsFor(devices: readonly DeviceEvidence[], { collateral }: Context): object[] {
  const demands: Demand[] = [];
  for (const { technology, body } of devices) {
    const one = technologyOf(technology);
    const pinned = one.pin(one.parse(base64urlDecode(body)), collateral) as object;
    const last = demands.at(-1);
    // A token tells by itself of how many GPUs it is.
    const counted = technology === 'nvidia-gpu';
    if (counted && last && JSON.stringify(last.pinned) === JSON.stringify(pinned)) last.count += 1;
    else demands.push({ technology, pinned, count: 1 });
  }
  return demands.map(({ technology, pinned, count }) =>
    technology === 'nvidia-gpu' ? { ...pinned, count } : pinned,
  );
}

/** `authentic` is about the room's own evidence, as of pinnedPolicy. @throws AttestError */
export async function pinnedWhole(
  evidence: AnyEvidence,
  context: Context,
): Promise<{ readonly policy: Policy; readonly authentic: boolean }> {
  const own = await pinnedPolicy(evidence, context);
  const devices = 'devices' in evidence ? (evidence.devices ?? []) : [];
  if (devices.length === 0) return own;
  const accept = own.policy.accept.map((entry) => ({ ...entry, devices: demandsFor(devices, context) }));
  return { ...own, policy: parsePolicy(JSON.stringify({ ...own.policy, accept })) };
}
