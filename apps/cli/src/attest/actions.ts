// `attest measure`: the launch digest of the room program as installed here, to compare with what a node says of itself.
import { measureRoom } from '@sealroom/host/measure';
import type { Action } from '../context.ts';

export const measure: Action = async () => {
  const launch = await measureRoom();
  return { json: { ok: true, technology: 'simulated', launch }, text: `${launch}\n` };
};
