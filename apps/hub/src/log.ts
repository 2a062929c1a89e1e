// The hub's own log events, and the fields that each may carry.
import { createLog } from '@sealroom/host';

/** @param silent for tests */
export function createHubLog({ silent = false }: { readonly silent?: boolean } = {}) {
  const events = {
    'hub.refused': [],
    'hub.background': ['work'],
    'ledger.found': ['statements'],
    'ends.settled': ['finished', 'refused'],
  } as const;
  return createLog({ name: 'hub', silent, events });
}

export type HubLog = ReturnType<typeof createHubLog>;
