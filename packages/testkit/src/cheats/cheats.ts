// Cheats with evidence, for every technology the same list: what each technology's vendor is made to sign, or what is done to
// what it signed, and by which check it must be refused. A cheat that makes no sense somewhere is named there with its reason.
import type { Collateral, CollateralFile, Entry, KeySet, Roots, RoomTechnology } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlDecode, type Bytes, concat } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import type { VendorAnswers } from '../vendors/services.ts';
import type { Bound } from '../world-hardware.ts';

/** In the order in which they are played. */
export const CHEATS = [
  'a bit flipped in a signed field',
  'padding in or behind the signature',
  'numbers of a signature that sign nothing',
  'another signer',
  'a leaf of another kind or name',
  'an intermediate of another kind or signer',
  'a list of another kind or signer',
  'a certificate or token that has ended',
  'a certificate or token from the future',
  'collateral that has ended',
  'collateral from the future',
  'collateral that is missing',
  'what its vendor revoked',
  'another machine or project',
  'debug',
  'provisional or old firmware',
  'other code',
  'another configuration',
  'another nonce',
  'another key',
  'another manifest',
  'started for another run',
  'simulated evidence',
  'an unknown version',
  'trailing bytes',
  'a large blob',
  'truncation',
  'a token for another audience',
  'a token of another issuer',
  'a token under no or another algorithm',
  'a clock an hour behind',
  'a clock an hour ahead',
] as const;
export type CheatName = (typeof CHEATS)[number];

/** What evidence may be made to bind: what it must, and what other runs and rooms would have. */
export type Bounds = {
  readonly good: Bound;
  readonly nonce: Bound;
  readonly key: Bound;
  readonly manifest: Bound;
};

/** What the vault is shown, and what it holds it against where that is not what its own store gives. */
export type Attempt = {
  readonly body: Uint8Array;
  readonly collateral?: Collateral;
  readonly keySets?: readonly KeySet[];
};

export type Cheat = {
  readonly what: string;
  /** Codes with the checks that must be told, as `release/evidence sgx/signature`; all of them, and no others. */
  readonly told: readonly string[];
  readonly attempt: (bounds: Bounds) => Attempt | Promise<Attempt>;
};

export type Row = readonly Cheat[] | { readonly none: string };
export type CheatTable = { readonly [name in CheatName]: Row };

/** A technology with its made-up vendor, as a vault meets it. */
export type PlayedTechnology = {
  readonly title: string;
  readonly technology: RoomTechnology;
  /** Data marked real, where its hardware hides memory from the host. */
  readonly sensitivity: 'real' | 'test';
  readonly entry: Entry;
  readonly roots: Roots;
  /** The platform as results name it. */
  readonly platform: string;
  /** What its vendor's services serve. */
  readonly answers: VendorAnswers;
  /** Paths of key sets at those services, by issuer. */
  readonly keySets: Readonly<{ [issuer: string]: string }>;
  /** All that stands beside its evidence, for who judges without a store. */
  readonly collateral: Collateral;
  readonly published: readonly KeySet[];
  /** What has to be imported, since no service gives it. */
  readonly imports: readonly CollateralFile[];
  /** What a receipt of it rests on for a reader who has what the vaults hand out and nothing else. */
  readonly basis: 'roots' | 'vaults';
  prove(bound: Bound): Promise<Bytes>;
  readonly cheats: CheatTable;
};

export function flip(bytes: Uint8Array, at: number, bit = 1): Bytes {
  const changed = new Uint8Array(bytes);
  changed[at] = (changed[at] ?? 0) ^ bit;
  return changed;
}

export function overwrite(bytes: Uint8Array, at: number, value: Uint8Array): Bytes {
  const changed = new Uint8Array(bytes);
  changed.set(value, at);
  return changed;
}

export const none = (reason: string): Row => ({ none: reason });

type Prove = (bound: Bound) => Promise<Bytes>;
type Change = (good: Bytes) => Uint8Array | Promise<Uint8Array>;

/** A cheat that changes evidence that was good. */
export function changed(prove: Prove, what: string, told: readonly string[], change: Change): Cheat {
  return { what, told, attempt: async ({ good }) => ({ body: await change(await prove(good)) }) };
}

/** One cheat a field, each by flipping a bit at its first byte. */
export function flips(
  prove: Prove,
  fields: Readonly<{ [name: string]: number }>,
  told: readonly string[],
): Cheat[] {
  return Object.entries(fields).map(([what, at]) => changed(prove, what, told, (good) => flip(good, at)));
}

/** Evidence as a node without hardware makes it, by its own right. */
async function simulatedBody({ reportData, hostData }: Bound): Promise<Bytes> {
  const signer = await ed25519Signer(generateSecret());
  const launch = `sha256:${'00'.repeat(32)}` as const;
  const report = { launch, hostData, reportData, debug: false };
  return base64urlDecode((await simulatedEvidence(signer, report, 1_795_000_000)).body);
}

/** What all technologies answer alike: evidence that is none of theirs. */
export function notEvidence(technology: RoomTechnology, prove: Prove) {
  const told = [`release/evidence ${technology}/malformed`];
  const sizes = [0, 1, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9];
  return {
    'simulated evidence': [
      {
        what: 'offered as this hardware’s',
        told,
        attempt: async ({ good }) => ({ body: await simulatedBody(good) }),
      },
    ],
    'a large blob': [
      changed(prove, '700 kilobytes of it', told, (good) =>
        concat(...Array.from({ length: Math.ceil(7e5 / good.length) }, () => good)),
      ),
      { what: '700 kilobytes of zeros', told, attempt: () => ({ body: new Uint8Array(700_000) }) },
    ],
    truncation: sizes.map((part) =>
      changed(prove, part > 1 ? `${part} bytes` : `${part * 100} %`, told, (good) =>
        good.slice(0, part === 1 ? 1 : Math.floor(good.length * part)),
      ),
    ),
  } satisfies Partial<CheatTable>;
}

/** Evidence that is right but for what it binds. @param run what is told of the field or program that names the run */
export function otherBindings(technology: RoomTechnology, prove: Prove, run: 'field' | 'software') {
  const binding = `release/room-binding ${technology}/binding`;
  const started = `release/run-binding ${technology}/run`;
  const told = run === 'software' ? [binding, started] : [binding];
  const bound = (what: 'nonce' | 'key', text: string): readonly Cheat[] => [
    { what: text, told, attempt: async (bounds) => ({ body: await prove(bounds[what]) }) },
  ];
  return {
    'another nonce': bound('nonce', 'a nonce of another day'),
    'another key': bound('key', 'the keys of another room'),
    'another manifest': [
      {
        what: 'everything of another manifest',
        told: [binding, started],
        attempt: async ({ manifest }) => ({ body: await prove(manifest) }),
      },
    ],
  } satisfies Partial<CheatTable>;
}

/** Evidence that binds what it must, in a machine whose field for the run names another. */
export function startedForAnother(technology: RoomTechnology, prove: Prove): Cheat {
  return {
    what: 'the field that names the run',
    told: [`release/run-binding ${technology}/run`],
    attempt: async ({ good, manifest: { hostData } }) => ({ body: await prove({ ...good, hostData }) }),
  };
}

/** One table of several, which may have rows of one name. @throws Error when a cheat is not in exactly one way there */
export function joined(...tables: readonly Partial<CheatTable>[]): CheatTable {
  const rows = CHEATS.map((name): [CheatName, Row] => {
    const found = tables.flatMap((table): Row[] => (table[name] ? [table[name]] : []));
    const played = found.flatMap((row) => ('none' in row ? [] : row));
    const [reason] = found.filter((row) => 'none' in row);
    if ((reason !== undefined) === played.length > 0)
      throw new Error(`“${name}” must be played or have a reason`);
    return [name, reason ?? played];
  });
  return Object.fromEntries(rows) as CheatTable;
}
