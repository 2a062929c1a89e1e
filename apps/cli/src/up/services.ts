// Which processes `sealroom up` starts, with which settings. Each has its own keys, folder, database role and certificate;
// secrets travel by file path. They talk to each other over TLS on loopback only.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDirectory, type RunningPostgres, startPostgres, writeFileAtomic } from '@sealroom/host';
import { keyThumbprint } from '@sealroom/cose';
import { INSTALLATION } from '@sealroom/host/measure';
import { type ReadyFacts, type Service, type ServiceSpec, startService } from './child.ts';
import { certificateFor, type Layout, servedFile, type UpState, writeServed } from './layout.ts';

const run = promisify(execFile);

export const LEDGER_ORIGIN = 'ledger.localhost/sealroom';

type Start = {
  readonly layout: Layout;
  readonly state: UpState;
  readonly postgres: RunningPostgres;
  readonly onRestart: (name: string) => void;
  readonly services: Service[];
  readonly settings: Settings;
};

/** Environment by service, over what this file gives it; tests put proxies between services with it. */
export type Settings = Readonly<{ [service: string]: Readonly<{ [variable: string]: string }> }>;

function programOf(app: string, file = 'main.ts'): string {
  return join(INSTALLATION, 'apps', app, 'src', file);
}

function specOf(
  { layout, settings }: Start,
  name: string,
  app: string,
  given: ServiceSpec['environment'],
): ServiceSpec {
  const environment = { ...given, ...settings[name] };
  const portVariable = `SEALROOM_${app.toUpperCase()}_PORT`;
  const logFile = join(layout.logs, `${name}.log`);
  const port = portVariable in environment ? { portVariable } : {};
  return { name, program: programOf(app), environment, logFile, ...port };
}

/** The database's URL holds a password, so it goes by a file of mode 0600. */
async function databaseFile({ layout, postgres }: Start, name: string): Promise<string> {
  const role = name.replaceAll('-', '_');
  await postgres.createDatabase(role, role);
  const path = join(layout.folder(name), 'database.url');
  await writeFileAtomic(path, postgres.url(role, role), 0o600);
  return path;
}

async function common(
  start: Start,
  name: string,
  prefix: string,
  port: number,
): Promise<{ [name: string]: string }> {
  const tls = await certificateFor(start.layout, name);
  return {
    [`${prefix}DATA_DIRECTORY`]: start.layout.folder(name),
    [`${prefix}PORT`]: String(port),
    [`${prefix}TLS_CERTIFICATE_FILE`]: tls.certificate,
    [`${prefix}TLS_KEY_FILE`]: tls.key,
    [`${prefix}STOP_WITH_PARENT`]: 'true',
  };
}

async function launch(start: Start, spec: ServiceSpec): Promise<ReadyFacts> {
  const service = await startService(spec, start.onRestart);
  start.services.push(service);
  return service.ready;
}

type LedgerFacts = { readonly url: string; readonly key: string };

async function startLedger(start: Start): Promise<LedgerFacts> {
  const prefix = 'SEALROOM_LEDGER_';
  const settings = await common(start, 'ledger', prefix, start.state.ports.ledger);
  const ready = await launch(
    start,
    specOf(start, 'ledger', 'ledger', { ...settings, [`${prefix}ORIGIN`]: LEDGER_ORIGIN }),
  );
  return { url: ready.url, key: String(ready['key']) };
}

function ledgerSettings(prefix: string, ledger: LedgerFacts): { [name: string]: string } {
  return {
    [`${prefix}LEDGER_URL`]: ledger.url,
    [`${prefix}LEDGER_ORIGIN`]: LEDGER_ORIGIN,
    [`${prefix}LEDGER_KEY`]: ledger.key,
  };
}

async function startHub(start: Start, ledger: LedgerFacts): Promise<string> {
  const prefix = 'SEALROOM_HUB_';
  const ready = await launch(
    start,
    specOf(start, 'hub', 'hub', {
      ...(await common(start, 'hub', prefix, start.state.ports.hub)),
      ...ledgerSettings(prefix, ledger),
      [`${prefix}DATABASE_URL_FILE`]: await databaseFile(start, 'hub'),
      [`${prefix}CA_PATH`]: start.layout.caFile,
      [`${prefix}REGISTRATION`]: 'open',
      [`${prefix}STORE_ORIGINS`]: JSON.stringify(start.state.storeOrigins),
    }),
  );
  return ready.url;
}

type VaultFacts = { readonly url: string; readonly kid: string };

async function startVault(start: Start, ledger: LedgerFacts, name: string): Promise<VaultFacts> {
  const prefix = 'SEALROOM_VAULT_';
  const folder = `vault-${name}`;
  await ensureDirectory(start.layout.folder(folder), 0o700);
  await writeServed(start.layout, name, start.state.vaults[name] ?? []);
  const ready = await launch(
    start,
    specOf(start, folder, 'vault', {
      ...(await common(start, folder, prefix, start.state.ports.vaults[name] ?? 0)),
      ...ledgerSettings(prefix, ledger),
      [`${prefix}DATABASE_URL_FILE`]: await databaseFile(start, folder),
      [`${prefix}CA_PATH`]: start.layout.caFile,
      [`${prefix}ORGANISATIONS_PATH`]: servedFile(start.layout, name),
      // Everything on one machine is in its operator's hands, and every contract and receipt says so.
      [`${prefix}CUSTODY`]: 'operator',
      [`${prefix}ALLOW_SIMULATED`]: 'true',
      [`${prefix}PLAIN_ROOT_KEY_PATH`]: join(start.layout.folder(folder), 'root.key'),
    }),
  );
  return { url: ready.url, kid: String(ready['kid']) };
}

/** A one-time code of the hub's operator, by its own command with its own settings. */
async function nodeCode(start: Start): Promise<string> {
  const folder = start.layout.folder('node');
  await ensureDirectory(folder, 0o700);
  const env = {
    SEALROOM_HUB_DATABASE_URL_FILE: join(start.layout.folder('hub'), 'database.url'),
    PATH: process.env['PATH'] ?? '',
  };
  const { stdout } = await run(process.execPath, [programOf('hub', 'operator.ts'), 'node-code', 'node'], {
    env,
  });
  const path = join(folder, 'code');
  await writeFileAtomic(path, stdout.trim(), 0o600);
  return path;
}

async function startNode(start: Start, hubUrl: string): Promise<ReadyFacts> {
  const prefix = 'SEALROOM_NODE_';
  const settings = {
    [`${prefix}DATA_DIRECTORY`]: start.layout.folder('node'),
    [`${prefix}HUB_URL`]: hubUrl,
    [`${prefix}SIMULATED`]: 'true',
    [`${prefix}STOP_WITH_PARENT`]: 'true',
    [`${prefix}STORE_ORIGINS`]: JSON.stringify(start.state.storeOrigins),
    [`${prefix}CODE_FILE`]: await nodeCode(start),
    [`${prefix}CA_PATH`]: start.layout.caFile,
  };
  return launch(start, specOf(start, 'node', 'node', settings));
}

export type House = {
  readonly hub: string;
  readonly ledger: {
    readonly url: string;
    readonly origin: string;
    readonly key: string;
    readonly kid: string;
  };
  readonly vaults: Readonly<{ [name: string]: string }>;
  /** Thumbprints of the vaults' keys, which `org create --vault-key` takes. */
  readonly vaultKeys: Readonly<{ [name: string]: string }>;
  readonly node: string;
  readonly caFile: string;
  /** Process ids by service, for tests that kill. */
  readonly pids: Readonly<{ [name: string]: number | undefined }>;
  readonly ports: UpState['ports'];
  readonly postgres: RunningPostgres;
  stop(): Promise<void>;
};

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** Starts everything in order; what was started is stopped again when a later part fails. */
export async function startHouse(
  layout: Layout,
  state: UpState,
  {
    onRestart,
    tell,
    settings = {},
  }: { onRestart: (name: string) => void; tell: (what: string) => void; settings?: Settings },
): Promise<House> {
  await ensureDirectory(layout.directory, 0o700);
  await ensureDirectory(layout.logs, 0o700);
  tell('PostgreSQL');
  const postgres = await startPostgres({
    dataDirectory: layout.folder('postgres'),
    ...(state.ports.postgres === 0 ? {} : { port: state.ports.postgres }),
  });
  const start: Start = { layout, state, postgres, onRestart, services: [], settings };
  const stop = async () => {
    for (const service of start.services.toReversed()) await service.stop();
    await postgres.stop();
  };
  try {
    tell('ledger');
    const ledger = await startLedger(start);
    tell('hub');
    const hub = await startHub(start, ledger);
    const vaults: { [name: string]: string } = {};
    const vaultKeys: { [name: string]: string } = {};
    for (const name of Object.keys(state.vaults)) {
      tell(`vault ${name}`);
      const { url, kid } = await startVault(start, ledger, name);
      vaults[name] = url;
      vaultKeys[name] = kid;
    }
    tell('node');
    const node = await startNode(start, hub);
    const vaultPorts = Object.fromEntries(Object.entries(vaults).map(([name, url]) => [name, portOf(url)]));
    return {
      hub,
      ledger: { ...ledger, origin: LEDGER_ORIGIN, kid: await keyThumbprint(ledger.key) },
      vaults,
      vaultKeys,
      node: String(node['node']),
      caFile: layout.caFile,
      get pids() {
        return Object.fromEntries(start.services.map((service) => [service.name, service.pid()]));
      },
      ports: { ledger: portOf(ledger.url), hub: portOf(hub), vaults: vaultPorts, postgres: postgres.port },
      postgres,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
