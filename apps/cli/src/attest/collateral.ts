// `attest collateral`: a folder of what vendors publish beside evidence, filled from files or from the vendors' services. A vault
// and `attest verify --collateral` use such a folder as it is. Exit codes of `fetch`: 0 all is there · 1 something could not be had.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type CollateralFile, LONGEST_KEY_SET_MS, vendorRoots } from '@sealroom/attest';
import { type Piece } from '@sealroom/attest/supply';
import { BytesError, parseStrictJson, utf8Decode } from '@sealroom/bytes';
import { codeOf } from '@sealroom/host';
import {
  type CollateralStore,
  type HeldPiece,
  openCollateralStore,
  serviceSettings,
  type Services,
  servicesOf,
} from '@sealroom/host/collateral';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { heldText, piecesText } from './collateral-text.ts';
import { evidenceIn } from './evidence.ts';
import { keysIn, timeIn } from './given.ts';

const MOST = 16 * 1024 * 1024;
const MOST_FILES = 4096;
const DAY_MS = 24 * 3_600_000;

async function servicesIn(input: Input): Promise<Services | undefined> {
  const path = input.optional('services');
  if (path === undefined) return servicesOf({ keySets: {} });
  let value: unknown;
  try {
    value = parseStrictJson(utf8Decode(await readGiven(path, MOST)));
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
  }
  const found = serviceSettings.safeParse(value);
  if (found.success) return servicesOf(found.data);
  throw new CliError(
    'cli/bad-file',
    `${JSON.stringify(path)} does not hold addresses of services as JSON, such as {"amd":"https://…"}.`,
  );
}

async function open(context: Context, input: Input, services?: Services): Promise<CollateralStore> {
  const ca = input.optional('ca');
  const store = await openCollateralStore({
    folder: input.optional('folder') ?? join(context.home, 'collateral'),
    roots: vendorRoots(),
    clock: context.now,
    services,
    caPem: ca === undefined ? undefined : utf8Decode(await readGiven(ca, MOST)),
  });
  context.atEnd(() => store.close());
  return store;
}

/** Files, and those directly in folders. */
async function filesAt(paths: readonly string[]): Promise<CollateralFile[]> {
  const found: string[] = [];
  for (const path of paths) {
    let folder = false;
    try {
      folder = (await stat(path)).isDirectory();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    if (!folder) found.push(path);
    else {
      const entries = await readdir(path, { withFileTypes: true });
      found.push(...entries.filter((entry) => entry.isFile()).map(({ name }) => join(path, name)));
    }
  }
  if (found.length > MOST_FILES)
    throw new CliError('cli/usage', `There are more than ${MOST_FILES} files; import some at a time.`);
  const files: CollateralFile[] = [];
  for (const name of found.toSorted()) files.push({ name, bytes: await readGiven(name, MOST) });
  return files;
}

function pieceJson({ name, kind, subject, notBefore, notAfter, vouchedUntil }: Piece) {
  const time = (at: number) => new Date(at).toISOString();
  const by = vouchedUntil === undefined ? 'fetching' : 'import';
  const window = { notBefore: time(notBefore), notAfter: time(notAfter) };
  return { name, kind, subject, ...window, ...(kind === 'key-set' && { vouchedForBy: by }) };
}

export const importFiles: Action = async (context, input) => {
  const sets = await keysIn(input);
  const until = timeIn(input, 'until');
  if (input.operands().length + sets.length === 0)
    throw new CliError('cli/usage', 'Name the files to take, or key sets by --keys.');
  if (until !== undefined && sets.length === 0)
    throw new CliError('cli/usage', 'The option --until goes with --keys; everything else says its own end.');
  const now = context.now();
  if (until !== undefined && (until <= now || until - now > LONGEST_KEY_SET_MS))
    throw new CliError(
      'cli/usage',
      `The option --until takes a time to come, ${LONGEST_KEY_SET_MS / DAY_MS} days ahead at most.`,
    );
  const store = await open(context, input);
  // A folder that was filled elsewhere has its key sets among the rest.
  const vouched = new Set(sets.map(({ file }) => resolve(file)));
  const files = (await filesAt(input.operands())).filter(({ name }) => !vouched.has(resolve(name)));
  const pieces = await store.import(files, { sets, until });
  if (pieces.length > 0) context.did(`kept ${pieces.length} pieces of collateral`);
  return { json: { ok: true, pieces: pieces.map(pieceJson) }, text: piecesText(pieces, context.now()) };
};

function soonOf(input: Input): number {
  const days = input.whole('within') ?? 7;
  if (days <= 3650) return days * DAY_MS;
  throw new CliError('cli/usage', 'The option --within takes at most 3650 days.');
}

export const list: Action = async (context, input) => {
  const soon = soonOf(input);
  const store = await open(context, input);
  const now = context.now();
  const { good, bad } = await store.list();
  const ending = new Set((await store.expiring(soon)).map(({ file }) => file));
  const rows = good.toSorted((a, b) => a.piece.notAfter - b.piece.notAfter);
  const json = ({ file, piece, fetchedAt }: HeldPiece) => ({
    ...pieceJson(piece),
    fetchedAt: new Date(fetchedAt).toISOString(),
    ended: piece.notAfter <= now,
    endsSoon: ending.has(file),
    file,
  });
  return {
    json: { ok: true, pieces: rows.map(json), bad: bad.map(({ file, code }) => ({ file, code })) },
    text: heldText({ rows, bad, ending }, now),
  };
};

export const fetchFor: Action = async (context, input) => {
  const bytes = await readGiven(input.arg(0), MOST);
  const services = await servicesIn(input);
  if (!services) throw new CliError('cli/usage', 'The services are "offline"; nothing can be fetched.');
  const store = await open(context, input, services);
  const unmet: { need: string; code: string; detail: string }[] = [];
  let pieces = 0;
  for (const evidence of evidenceIn(bytes)) {
    const found = await store.gather(evidence);
    unmet.push(...found.unmet);
    const { certificates, crls, documents } = found.collateral;
    pieces += certificates.length + crls.length + documents.length;
  }
  const good = unmet.length === 0;
  const missing = unmet.map(({ need, code, detail }) => `  ${need}: ${detail} [${code}]\n`).join('');
  const text = good
    ? `All that this evidence needs is kept (${pieces} pieces).\n`
    : `Could not be had:\n${missing}`;
  return { json: { ok: good, pieces, unmet }, text, exit: good ? EXIT.ok : EXIT.refused };
};
