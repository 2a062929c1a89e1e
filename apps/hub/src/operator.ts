// The operator's commands, with the hub's own settings: `node src/operator.ts code` prints a one-time registration code,
// `node src/operator.ts node-code NAME` a one-time code with which a node enrols.
import { base64urlEncode, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { openDatabase, readSecretFile } from '@sealroom/host';
import { join } from 'node:path';
import { PREFIX } from './config.ts';
import type { Tables } from './db.ts';
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

const HOUR_MS = 60 * 60_000;

async function withDatabase(
  work: (db: ReturnType<typeof openDatabase<Tables>>, code: string) => Promise<void>,
): Promise<string> {
  const db = openDatabase<Tables>(databaseUrl(process.env), { connections: 1 });
  try {
    const code = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
    await work(db, code);
    return code;
  } finally {
    await db.destroy();
  }
}

/** Makes a code that is good for a week and for one organisation. */
function makeCode(): Promise<string> {
  return withDatabase((db, code) => insertRegistrationCode(db, code, new Date(Date.now() + WEEK_MS)));
}

/** Makes a code that is good for an hour and for one node; it stands for the operator, who is nobody's identity. */
function makeNodeCode(name: string): Promise<string> {
  return withDatabase(async (db, code) => {
    const operator = await sha256Digest(utf8Encode('operator'));
    await insertCode(
      db,
      { kid: operator, org: operator },
      { code, name, expiresAt: new Date(Date.now() + HOUR_MS) },
    );
  });
}

const [command, name] = process.argv.slice(2);
if (command === 'code') {
  process.stdout.write(`${await makeCode()}\n`);
} else if (command === 'node-code' && name) {
  process.stdout.write(`${await makeNodeCode(name)}\n`);
} else {
  process.stderr.write('Usage: node src/operator.ts code | node-code NAME\n');
  process.exitCode = 2;
}
