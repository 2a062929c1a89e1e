// Nodes: enrolment codes, and what each says of itself. A simulated node's word is its operator's.
import { hubRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import { measureRoom } from '@sealroom/host/measure';
import type { Action } from '../context.ts';
import { writeWhole } from '../home/files.ts';
import { link } from '../hub/session.ts';
import { roomsOf } from '../run-config/nodes.ts';
import { short, table, timeText } from '../terminal/text.ts';

export const nodeCode: Action = async (context, input) => {
  const name = input.text('name');
  const hub = await link(context, input);
  const { code, expiresAt } = await call(hub.service, hubRoutes.createNodeCode, { body: { name } });
  const out = input.optional('out');
  if (out === undefined) {
    return {
      json: { ok: true, name, code, expiresAt },
      text: `${code}\nGood once, until ${timeText(expiresAt)}.\n`,
    };
  }
  await writeWhole(out, `${code}\n`);
  context.did(`${out} was written.`);
  return {
    json: { ok: true, name, out, expiresAt },
    text: `Wrote the code to ${out}; good until ${timeText(expiresAt)}.\n`,
  };
};

export const listNodes: Action = async (context, input) => {
  const hub = await link(context, input);
  const { nodes } = await call(hub.service, hubRoutes.nodes, {});
  const own = await measureRoom();
  const json = nodes.map((node) => ({ ...node, sameProgram: node.launch === own }));
  const rows = json.map((node) => [
    short(node.node),
    node.name,
    node.isolation,
    `${node.maxVcpu} / ${node.maxMemoryGiB} GiB`,
    roomsOf(node),
    node.sameProgram ? 'as installed here' : short(node.launch),
    node.lastSeenAt === null ? 'never' : timeText(node.lastSeenAt),
  ]);
  const head = ['node', 'name', 'isolation', 'processors', 'rooms', 'room program', 'last seen'];
  return { json, text: table(head, rows, 'No node has enrolled yet; sealroom node code --name NAME') };
};
