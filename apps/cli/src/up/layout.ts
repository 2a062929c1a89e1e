// Where `sealroom up` keeps things: one folder a process, an authority for TLS of their own, and up.json, which says which
// vaults there are and whom they serve, so that a later start finds the same house.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseStrictJson } from '@sealroom/bytes';
import { digest } from '@sealroom/contract';
import {
  type CertificatePair,
  createAuthority,
  ensureDirectory,
  issueCertificate,
  LOOPBACK_HOSTS,
  writeFileAtomic,
} from '@sealroom/host';
import { z } from 'zod';
import { CliError } from '../error.ts';

const NAME = /^[a-z][a-z0-9-]{0,30}$/;

const schema = z.strictObject({
  v: z.literal(1),
  ports: z.strictObject({
    ledger: z.int(),
    hub: z.int(),
    vaults: z.record(z.string(), z.int()),
    postgres: z.int(),
  }),
  vaults: z.record(z.string().regex(NAME), z.array(digest)),
  /** Stores besides the hub's own that datasets may lie in. */
  storeOrigins: z.array(z.string()).default([]),
});

export type UpState = z.infer<typeof schema>;

export type Layout = {
  readonly directory: string;
  /** PEM file of the authority; clients trust it with `--ca`. */
  readonly caFile: string;
  readonly logs: string;
  folder(name: string): string;
};

export function layoutOf(directory: string): Layout {
  return {
    directory,
    caFile: join(directory, 'ca.pem'),
    logs: join(directory, 'logs'),
    folder: (name) => join(directory, name),
  };
}

const EMPTY: UpState = {
  v: 1,
  ports: { ledger: 0, hub: 0, vaults: {}, postgres: 0 },
  vaults: {},
  storeOrigins: [],
};

/** @throws cli/bad-file when up.json is not what this program writes */
export async function readState({ directory }: Layout): Promise<UpState> {
  const path = join(directory, 'up.json');
  if (!existsSync(path)) return EMPTY;
  const bytes = await readFile(path);
  try {
    return schema.parse(parseStrictJson(bytes));
  } catch (cause) {
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} is not what sealroom writes there.`, {
      next: 'Restore it from a backup: it says which vaults there are and whom they serve.',
      cause,
    });
  }
}

export async function writeState({ directory }: Layout, state: UpState): Promise<void> {
  await writeFileAtomic(join(directory, 'up.json'), `${JSON.stringify(state, null, 2)}\n`, 0o600);
}

/** `hospital` or `hospital=sha256:…` of the command line. @throws when one is not of that form */
export function parseVaults(pairs: readonly string[]): UpState['vaults'] {
  const found: { [name: string]: Digest[] } = {};
  for (const pair of pairs) {
    const [name = '', org, ...rest] = pair.split('=');
    const known = org === undefined ? undefined : digest.safeParse(org);
    if (!NAME.test(name) || rest.length > 0 || known?.success === false) {
      throw new CliError(
        'cli/usage',
        `--vault ${JSON.stringify(pair)}: write it as NAME or NAME=sha256:… (an organisation's id); a name is lower-case letters, digits and hyphens.`,
      );
    }
    const served = (found[name] ??= []);
    if (known?.success) served.push(known.data);
  }
  return found;
}

async function authority(layout: Layout): Promise<CertificatePair> {
  const keyFile = join(layout.directory, 'ca.key');
  if (existsSync(keyFile))
    return { certPem: await readFile(layout.caFile, 'utf8'), keyPem: await readFile(keyFile, 'utf8') };
  const made = await createAuthority();
  await writeFileAtomic(layout.caFile, made.certPem, 0o644);
  await writeFileAtomic(keyFile, made.keyPem, 0o600);
  return made;
}

/** A TLS certificate for a service on this machine; made anew at every start. Paths of certificate and key. */
export async function certificateFor(
  layout: Layout,
  name: string,
): Promise<{ certificate: string; key: string }> {
  const folder = layout.folder(name);
  await ensureDirectory(folder, 0o700);
  const issued = await issueCertificate(await authority(layout), { hosts: LOOPBACK_HOSTS });
  const paths = { certificate: join(folder, 'tls.pem'), key: join(folder, 'tls.key') };
  await writeFileAtomic(paths.certificate, issued.certPem, 0o600);
  await writeFileAtomic(paths.key, issued.keyPem, 0o600);
  return paths;
}

/** The file that names whom a vault serves, one id a line; the vault reads it again when it changes. */
export function servedFile(layout: Layout, vault: string): string {
  return join(layout.folder(`vault-${vault}`), 'organisations');
}

/** Lets a vault of this house serve an organisation. @throws when there is no such vault */
export async function serve(layout: Layout, vault: string, org: Digest): Promise<void> {
  const state = await readState(layout);
  const served = state.vaults[vault];
  if (!served)
    throw new CliError(
      'cli/not-found',
      `There is no vault "${vault}" in ${layout.directory}; its vaults are: ${Object.keys(state.vaults).join(', ') || 'none'}.`,
    );
  const vaults = { ...state.vaults, [vault]: [...new Set([...served, org])] };
  await writeState(layout, { ...state, vaults });
  await writeServed(layout, vault, vaults[vault] ?? []);
}

export async function writeServed(layout: Layout, vault: string, orgs: readonly Digest[]): Promise<void> {
  await writeFileAtomic(servedFile(layout, vault), orgs.map((org) => `${org}\n`).join(''), 0o600);
}
