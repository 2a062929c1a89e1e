// Who may begin a project with whom. Pure.
import type { Digest } from '@sealroom/bytes';
import type { Role } from '@sealroom/contract';
import { refuse } from '../error.ts';
import type { Actor } from '../sessions/rules.ts';

export type Participant = { readonly org: Digest; readonly role: Role };

/** @throws hub/not-a-participant unless both roles are there, the caller is among them, and nobody stands twice */
export function checkParticipants(actor: Actor, participants: readonly Participant[]): void {
  const orgs = participants.map(({ org }) => org);
  const fail = (what: string) => refuse('hub/not-a-participant', what);
  if (!orgs.includes(actor.org)) throw fail('Your own organisation must be one of the participants.');
  if (new Set(orgs).size !== orgs.length) throw fail('An organisation stands twice among the participants.');
  for (const role of ['data-steward', 'algorithm-owner'] as const) {
    if (!participants.some((participant) => participant.role === role))
      throw fail(`A project needs a participant in the role ${role}.`);
  }
}
