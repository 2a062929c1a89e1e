// Which enrolled nodes a contract is for. Nodes are what the hub says they are; what a room really runs on its evidence tells the
// vaults. Here only that a contract is not made for machines that could never run it.
import type { NodeShape } from '@sealroom/api';
import { type Contract, isolationSuffices } from '@sealroom/contract';
import type { Context } from '../context.ts';
import { CliError, EXIT, printable } from '../error.ts';
import { findById } from '../hub/project.ts';

type ReadyNode = NodeShape & { readonly simulator: string };

function chosenOf(nodes: readonly NodeShape[], references: readonly string[]): readonly NodeShape[] {
  if (references.length === 0) return [findById(nodes, 'node', undefined, 'node')];
  return references.map((reference) => findById(nodes, 'node', reference, 'node'));
}

function refuse(message: string, next?: string): CliError {
  return new CliError('cli/refused', message, { exit: EXIT.refused, ...(next !== undefined && { next }) });
}

/** The nodes whose simulated rooms are accepted. @throws cli/refused for one that starts none */
export function simulatedNodes(nodes: readonly NodeShape[], references: readonly string[]): ReadyNode[] {
  return chosenOf(nodes, references).map((node) => {
    if (node.simulator !== null) return { ...node, simulator: node.simulator };
    throw refuse(
      `The node ${node.name} starts no simulated rooms.`,
      node.hardware === null
        ? 'Choose another --node.'
        : `Its rooms run on ${node.hardware}: say what they must prove by --accept, with a policy file.`,
    );
  });
}

/** What its rooms run on. */
export function roomsOf({ hardware, simulator }: Pick<NodeShape, 'hardware' | 'simulator'>): string {
  return hardware ?? (simulator === null ? 'none' : 'simulated');
}

export function hardwareText(node: Pick<NodeShape, 'name' | 'hardware' | 'simulator'>): string {
  return `${printable(node.name)}: ${roomsOf(node)}`;
}

function technologiesOf({ accept }: Contract['room']): string[] {
  return [...new Set(accept.map(({ technology }) => technology))];
}

/** Hardware entries name no node, so that one may come later; nodes that were named must be on that hardware. */
function checkHardware(
  context: Context,
  room: Contract['room'],
  { nodes, references }: { readonly nodes: readonly NodeShape[]; readonly references: readonly string[] },
): readonly NodeShape[] {
  const technologies = technologiesOf(room);
  const fits = ({ hardware }: NodeShape) => hardware !== null && technologies.includes(hardware);
  const chosen = references.length === 0 ? nodes : chosenOf(nodes, references);
  const wrong = references.length === 0 ? undefined : chosen.find((node) => !fits(node));
  if (wrong)
    throw refuse(
      `The hardware of a chosen node is not what the contract accepts (${technologies.join(', ')}): ${hardwareText(wrong)}.`,
      'Choose another --node, or another --accept.',
    );
  const able = chosen.filter(fits);
  if (able.length === 0)
    context.note(
      `No enrolled node runs on hardware that the contract accepts (${technologies.join(', ')}), so that its runs will wait: ${chosen.map(hardwareText).join('; ') || 'no node is enrolled'}.\n`,
    );
  return able;
}

/** @throws cli/refused when the nodes that the contract is for could never run it */
export function checkNodes(
  context: Context,
  room: Contract['room'],
  all: { readonly nodes: readonly NodeShape[]; readonly references: readonly string[] },
): void {
  const simulated = room.accept.some(({ technology }) => technology === 'simulated');
  const nodes = simulated ? chosenOf(all.nodes, all.references) : checkHardware(context, room, all);
  const { isolation, maxVcpu, maxMemoryGiB } = room;
  if (nodes.length === 0 || nodes.some((node) => isolationSuffices(node.isolation, isolation))) return;
  const best = nodes.map(({ name, isolation: reached }) => `${name}: ${reached}`).join(', ');
  throw refuse(
    `No node for this contract reaches the isolation "${isolation}" (${best}), so it could never run (${maxVcpu} processors, ${maxMemoryGiB} GiB).`,
    'Choose another --node, or accept a weaker --isolation.',
  );
}
