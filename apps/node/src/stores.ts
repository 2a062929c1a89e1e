// Which stores the rooms of this node may fetch from. The hub tells which ones it takes URLs of, and its operator is nobody
// whom this machine's network trusts: a store in full may lie anywhere, so only this node's own settings name one.

const ZONE = /^https:\/\/\*(?:\.[a-z0-9-]+){2,}$/;

/**
 * The hub's own store, what this node lists, and of the rest the zones, whose names lead to the open internet alone
 * (`storeFetch` sees to that).
 * @param named what the hub says @param own this node's settings
 */
export function storeOriginsFor(hubUrl: string, named: readonly string[], own: readonly string[]): string[] {
  const { origin } = new URL(hubUrl);
  const taken = new Set([origin, ...own]);
  return named.filter((entry) => taken.has(entry) || ZONE.test(entry));
}
