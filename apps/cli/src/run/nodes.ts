// Whether a machine is there for a run. Nodes are what the hub says they are, so this is a remark and decides nothing.
import { hubRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import { type Contract, isolationSuffices } from '@sealroom/contract';
import type { Context } from '../context.ts';
import type { Link } from '../hub/session.ts';
import { hardwareText } from '../run-config/nodes.ts';

/** Tells when no enrolled node runs a room that the contract accepts, so that the run would wait. */
export async function remarkOnNodes(
  context: Context,
  { service }: Pick<Link, 'service'>,
  { room }: Contract,
  asked: { readonly vcpu: number; readonly memoryGiB: number },
): Promise<void> {
  const { nodes } = await call(service, hubRoutes.nodes, {});
  const fit = nodes.some(
    ({ simulator, hardware, launch, isolation, maxVcpu, maxMemoryGiB }) =>
      room.accept.some((accepted) =>
        accepted.technology === 'simulated'
          ? simulator !== null && accepted.keys.includes(simulator) && accepted.launch.includes(launch)
          : accepted.technology === hardware,
      ) &&
      isolationSuffices(isolation, room.isolation) &&
      maxVcpu >= asked.vcpu &&
      maxMemoryGiB >= asked.memoryGiB,
  );
  if (fit) return;
  const wanted = [...new Set(room.accept.map(({ technology }) => technology))];
  if (
    !wanted.includes('simulated') &&
    !nodes.some(({ hardware }) => wanted.some((one) => one === hardware))
  ) {
    context.note(
      `No node can take this run now, so it would wait: the contract accepts rooms on ${wanted.join(', ')}, and none is enrolled with that (${nodes.map(hardwareText).join('; ') || 'none at all'}).\n`,
    );
    return;
  }
  context.note(
    'No node can take this run now, so it would wait: none runs a room that the contract accepts, with this isolation, processors and memory.\nAfter an upgrade of the room program a new contract is needed: sealroom contract revoke, then sealroom run-config create.\n',
  );
}
