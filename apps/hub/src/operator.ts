// The operator's commands, with the hub's own settings: `node src/operator.ts code` prints a one-time code with which an
// organisation registers, `node src/operator.ts node-code NAME` one with which a node enrols.
import { base64urlEncode } from '@sealroom/bytes';
import { openDatabase, readSecretFile } from '@sealroom/host';
import { join } from 'node:path';
import { PREFIX } from './config.ts';
import type { Db, Tables } from './db.ts';
import { insertCode } from './nodes/store.ts';
import { insertRegistrationCode } from './organisations/store.ts';
import { DATABASE_URL_FILE } from './start.ts';

const WEEK_MS = 7 * 24 * 60 * 60_000;

function databaseUrl(environment: NodeJS.ProcessEnv): string {
  const url = environment[`${PREFIX}DATABASE_URL`];
  if (url !== undefined) return url;
  const file = environment[`${PREFIX}DATABASE_URL_FILE`];
  const path = file ?? join(environment[`${PREFIX}DATA_DIRECTORY`] ?? '.', DATABASE_URL_FILE);
  return readSecretFile(path).toString('utf8').trim();
}

/** A code good for a week, for one organisation or one node. */
async function makeCode(keep: (db: Db, code: string, expiresAt: Date) => Promise<void>): Promise<void> {
  const db = openDatabase<Tables>(databaseUrl(process.env), { connections: 1 });
  try {
    const code = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
    await keep(db, code, new Date(Date.now() + WEEK_MS));
    process.stdout.write(`${code}\n`);
  } finally {
    await db.destroy();
  }
}

const [command, name] = process.argv.slice(2);
if (command === 'code' && name === undefined) {
  await makeCode(insertRegistrationCode);
} else if (command === 'node-code' && name !== undefined) {
  await makeCode((db, code, expiresAt) => insertCode(db, undefined, { code, name, expiresAt }));
} else {
  process.stderr.write('Usage: node src/operator.ts code | node-code NAME\n');
  process.exitCode = 2;
}
