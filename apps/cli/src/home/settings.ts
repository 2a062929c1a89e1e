// What a home knows of its hub and its organisation, and the session token. Not secret but for the token.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digest, identifier, url } from '@sealroom/contract';
import { z } from 'zod';
import { jsonFile } from './json-file.ts';

const settings = z.strictObject({
  v: z.literal(1),
  hub: url.optional(),
  /** Certificates (PEM) that this hub and its vaults are trusted by, instead of the system's. */
  authorities: z.string().max(200_000).optional(),
  org: digest.optional(),
  organisationName: z.string().max(200).optional(),
  project: identifier.optional(),
});

export type Settings = z.infer<typeof settings>;

const session = z.strictObject({
  v: z.literal(1),
  hub: url,
  token: z.string().max(1000),
  expiresAt: z.string(),
  org: digest,
  kid: digest,
});

export type Session = z.infer<typeof session>;

export const settingsFile = jsonFile('settings.json', settings);
export const sessionFile = jsonFile('session.json', session);

export async function readSettings(home: string): Promise<Settings> {
  return (await settingsFile.read(home)) ?? { v: 1 };
}

export async function changeSettings(home: string, change: Partial<Omit<Settings, 'v'>>): Promise<Settings> {
  const changed = { ...(await readSettings(home)), ...change };
  await settingsFile.write(home, changed);
  return changed;
}

/** Forgets the token; the hub forgets it when it ends. */
export async function endSession(home: string): Promise<void> {
  await rm(join(home, 'session.json'), { force: true });
}
