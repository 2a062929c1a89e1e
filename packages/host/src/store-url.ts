// Which URLs of data stores this process may fetch. The URL comes from another party, so it is judged before use, and the
// address that its name leads to is judged again at each connection (server-side request forgery, DNS rebinding).
// Not here: whether the signature in it is genuine; only the store knows.
import { isIP } from 'node:net';
import { hostOf, isPublicAddress } from './addresses.ts';
import { refusal } from './problem.ts';
import { type TlsFetch, tlsFetch, type TlsFetchOptions } from './tls-fetch.ts';

/** `https://name`, `https://*.zone` (one label; public addresses only), or, for tests and demos, `http://127.0.0.1:port`. */
export type StoreOrigin = string;

export type StoreUrlOptions = {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What the URL is for; one for reading that can also write is refused. */
  readonly access?: 'read' | 'write';
};

type Origins = { readonly exact: ReadonlySet<string>; readonly zones: readonly string[] };

function parseOrigins(allowed: readonly StoreOrigin[]): Origins {
  const exact = new Set<string>();
  const zones: string[] = [];
  for (const entry of allowed) {
    const zone = /^https:\/\/\*(\.[a-z0-9-]+(?:\.[a-z0-9-]+)+)$/.exec(entry)?.[1];
    if (zone !== undefined) zones.push(zone);
    else if (!entry.includes('*') && URL.canParse(entry) && new URL(entry).origin === entry) exact.add(entry);
    else
      throw refusal(
        'store/bad-url',
        `${JSON.stringify(entry)} is not an origin such as https://store.example.`,
      );
  }
  return { exact, zones };
}

function isListed(url: URL, { exact, zones }: Origins): boolean {
  if (exact.has(url.origin)) return true;
  if (url.protocol !== 'https:' || url.port !== '' || isIP(hostOf(url)) !== 0) return false;
  return zones.some((zone) => {
    const label = url.hostname.endsWith(zone) ? url.hostname.slice(0, -zone.length) : '';
    return /^[a-z0-9-]+$/.test(label);
  });
}

/** When a signed URL ends, in milliseconds since 1970: Azure's and the file store's `se`, or S3's date and duration. */
function expiryOf(query: URLSearchParams): number | undefined {
  const end = query.get('se');
  if (end !== null) {
    const time = /^\d{1,12}$/.test(end) ? Number(end) * 1000 : Date.parse(end);
    return Number.isNaN(time) ? undefined : time;
  }
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '');
  const seconds = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  if (found === null || !Number.isSafeInteger(seconds)) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number);
  const start = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
  return start + seconds * 1000;
}

function checkRights(query: URLSearchParams, access: 'read' | 'write'): void {
  const rights = query.get('sp');
  if (rights === null && access === 'read' && (query.has('sv') || query.has('si'))) {
    throw refusal(
      'store/writable',
      'The store URL leaves its permissions to a policy at the store; make one that says "r" itself.',
    );
  }
  if (rights === null) return;
  if (access === 'read' && !/^[rl]+$/.test(rights)) {
    throw refusal(
      'store/writable',
      'The store URL can do more than read; make one with the permission "r" (and "l").',
    );
  }
  if (access === 'read' && !rights.includes('r')) {
    throw refusal('store/bad-url', 'The store URL cannot read; make one with the permission "r".');
  }
}

const LONGEST_URL = 8192;

function parsed(text: string | URL): URL {
  try {
    const url = new URL(text);
    if (url.href.length <= LONGEST_URL) return url;
  } catch {
    // `URL.canParse` says yes to some that the constructor refuses: of a host that is long beyond use.
  }
  throw refusal('store/bad-url', `The store URL is not a URL, or longer than ${LONGEST_URL} characters.`);
}

/**
 * A store URL that may be used, parsed. `allowed` lists origins; an empty list allows nothing.
 * @throws store/bad-url, store/not-allowed, store/no-expiry, store/expired, store/writable; messages hold no URL.
 */
export function checkStoreUrl(
  text: string | URL,
  allowed: readonly StoreOrigin[],
  { now, access = 'read' }: StoreUrlOptions,
): URL {
  const url = parsed(text);
  const origins = parseOrigins(allowed);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && origins.exact.has(url.origin))) {
    throw refusal('store/bad-url', 'A store URL begins with https://.');
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw refusal('store/bad-url', 'A store URL has no user, no password and no fragment.');
  }
  if (!isListed(url, origins)) {
    throw refusal(
      'store/not-allowed',
      'The store is not on the operator’s list of store origins; ask for it to be added.',
    );
  }
  // Stores read the names of parameters in any letter case, and of two that differ in it alone whichever they like.
  const names = [...url.searchParams.keys()].map((name) => name.toLowerCase());
  if (names.length !== new Set(names).size) {
    throw refusal('store/bad-url', 'The store URL has a query parameter twice.');
  }
  const expiry = expiryOf(url.searchParams);
  if (expiry === undefined)
    throw refusal('store/no-expiry', 'The store URL has no end; make one that expires.');
  if (expiry <= now) throw refusal('store/expired', 'The store URL has expired; make a new one.');
  checkRights(url.searchParams, access);
  return url;
}

/**
 * Decides about the address that a store's name leads to: an origin listed by its full name may lead anywhere, for the
 * operator vouches for it; one of a zone only to addresses of the open internet.
 */
export function storeAddresses(allowed: readonly StoreOrigin[]): (address: string, host: string) => boolean {
  const vouched = new Set([...parseOrigins(allowed).exact].map((origin) => hostOf(new URL(origin))));
  return (address, host) => vouched.has(host) || isPublicAddress(address);
}

/** A fetch for listed stores only. @throws store/not-allowed, fetch/refused-address, and as `tlsFetch`. */
export function storeFetch(
  allowed: readonly StoreOrigin[],
  options: Omit<TlsFetchOptions, 'allowAddress'> = {},
): TlsFetch {
  const origins = parseOrigins(allowed);
  const inner = tlsFetch({ ...options, allowAddress: storeAddresses(allowed) });
  const guarded = async (target: string | URL, init?: RequestInit): Promise<Response> => {
    const url = new URL(target);
    if (isListed(url, origins)) return inner(url, init);
    throw refusal('store/not-allowed', 'The store is not on the operator’s list of store origins.');
  };
  return Object.assign(guarded, { close: inner.close });
}
