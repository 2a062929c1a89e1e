// `sealroom up`: every service as a process of its own on this machine, until Ctrl-C. One operator holds everything here,
// so its vaults have the custody `operator`, and its node runs simulated rooms: good for trying out, not for real data.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { digest } from '@sealroom/contract';
import { ensureDirectory } from '@sealroom/host';
import { CliError } from '../error.ts';
import { type Layout, layoutOf, parseVaults, readState, serve, type UpState, writeState } from './layout.ts';
import { type House, startHouse } from './services.ts';

export type UpOptions = {
  /** Folder of the house; `~/.sealroom/up` when left out. */
  readonly dir?: string;
  /** `NAME` or `NAME=sha256:…` for each vault and an organisation that it serves; kept for later starts. */
  readonly vault: readonly string[];
  /** Origins of stores that datasets may lie in, such as https://account.blob.core.windows.net; kept for later starts. */
  readonly storeOrigin?: readonly string[];
  readonly json?: boolean;
};

/** One vault a role, so that each party's keys lie apart from the start. */
const DEFAULT_VAULTS: UpState['vaults'] = { steward: [], owner: [] };

function report(house: House): string {
  const vaults = Object.entries(house.vaults).flatMap(([name, url]) => [
    `  vault ${name.padEnd(12)} ${url}`,
    `      its key        ${house.vaultKeys[name] ?? ''}   (its organisation compares it: --vault-key)`,
  ]);
  return [
    '',
    'Sealroom is up. Everything here is in the hands of this machine’s operator; rooms are simulated (not hardware-attested).',
    `  hub                ${house.hub}`,
    `  ledger             ${house.ledger.url}`,
    `  ledger key         ${house.ledger.kid}   (clients compare it: --ledger-key)`,
    ...vaults,
    '                     let one serve an organisation: sealroom vault serve NAME ORGANISATION',
    `  authority          ${house.caFile}   (give it to clients with --ca)`,
    '',
    'Stop with Ctrl-C.',
    '',
  ].join('\n');
}

async function untilAsked(): Promise<void> {
  await new Promise<void>((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
    // A supervisor that holds our standard input open takes us with it.
    if (!process.stdin.isTTY) {
      process.stdin.on('end', () => done());
      process.stdin.resume();
    }
  });
}

function houseOf(dir: string | undefined): Layout {
  return layoutOf(resolve(dir ?? join(homedir(), '.sealroom', 'up')));
}

/** @throws when the id is none, or there is no such vault */
export async function serveOrganisation(name: string, organisation: string, dir?: string): Promise<void> {
  const org = digest.safeParse(organisation);
  if (!org.success)
    throw new CliError(
      'cli/usage',
      `${JSON.stringify(organisation)} is not an organisation’s id (sha256:…); sealroom org show prints it.`,
    );
  await serve(houseOf(dir), name, org.data);
}

/** Runs until it is asked to stop. With `json` one ready line is printed, as the services themselves do. */
export async function up(options: UpOptions): Promise<void> {
  const layout = houseOf(options.dir);
  await ensureDirectory(layout.directory, 0o700);
  const before = await readState(layout);
  const asked = parseVaults(options.vault);
  const known = Object.keys({ ...before.vaults, ...asked }).length > 0;
  const vaults = known ? { ...before.vaults, ...asked } : DEFAULT_VAULTS;
  const storeOrigins = [...new Set([...before.storeOrigins, ...(options.storeOrigin ?? [])])];
  const state: UpState = { ...before, vaults, storeOrigins };
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const house = await startHouse(layout, state, {
    tell: (what) => (options.json ? undefined : say(`starting ${what} …`)),
    onRestart: (name) =>
      say(`the ${name} ended by itself; starting it again (see ${join(layout.logs, `${name}.log`)})`),
  });
  await writeState(layout, { ...state, ports: house.ports });
  const { hub, ledger, node, caFile, pids } = house;
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ ready: true, hub, ledger, vaults: house.vaults, vaultKeys: house.vaultKeys, node, ca: caFile, pids })}\n`,
    );
  else process.stdout.write(report(house));
  await untilAsked();
  if (!options.json) say('stopping …');
  await house.stop();
  // An open pipe on standard input would keep this process alive.
  process.stdin.destroy();
}
