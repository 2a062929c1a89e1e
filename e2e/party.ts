// A party in a story: an organisation with one person, speaking to the real services through the same client and route
// table as the CLI. Everything it says is signed here; it holds no state but its keys.
import { hubRoutes, vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { call, type Service } from '@sealroom/client';
import {
  type Contract,
  createMessage,
  createStatement,
  encodeContract,
  freshSalt,
  isOfType,
  type PayloadOf,
  readStatement,
  signPayload,
  type StatementType,
  USES,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import { openContainer, tlsFetch } from '@sealroom/host';
import { forEachFew } from '@sealroom/host/few';
import { readSealedFolder, sealFolder } from '@sealroom/host/sealing';
import { generateCek, importKek, wrapKey } from '@sealroom/seal';
import { readFile } from 'node:fs/promises';

export type House = {
  readonly hub: string;
  readonly ledger: { readonly url: string; readonly origin: string; readonly key: string };
  readonly caPem: string;
};
export type PartyRole = Contract['participants'][number]['role'];

export type Party = {
  readonly org: Digest;
  readonly root: Signer;
  readonly identity: Signer;
  readonly receiving: { readonly secret: Bytes; readonly key: string };
  readonly cek: Bytes;
  readonly role: PartyRole;
  readonly name: string;
};

export async function createParty(name: string, role: PartyRole): Promise<Party> {
  const root = await ed25519Signer(generateSecret());
  const secret = generateSecret();
  const receiving = { secret, key: await publicKeyOf('X25519', secret) };
  return {
    org: root.kid,
    root,
    identity: await ed25519Signer(generateSecret()),
    receiving,
    cek: generateCek(),
    role,
    name,
  };
}

export type Session = {
  readonly party: Party;
  readonly hub: Service;
  readonly vault: Service & { readonly key: string; readonly kid: Digest };
  readonly origin: string;
  sign<T extends StatementType>(
    type: T,
    payload: PayloadOf<T>,
    by?: { signer: Signer; iss: Digest },
  ): Promise<string>;
};

/** Registers the organisation with its vault and its person, and opens a session. */
export async function join(house: House, party: Party, vaultUrl: string): Promise<Session> {
  const fetch = tlsFetch({ caPem: house.caPem, timeoutMs: 60_000 });
  const plain: Service = { baseUrl: house.hub, fetch: (url, init) => fetch(url, init) };
  const vault: Service = { ...plain, baseUrl: vaultUrl };
  const { key, kid, custody } = await call(vault, vaultRoutes.describe, {});
  const { origin } = house.ledger;
  const sign: Session['sign'] = async (type, payload, by = { signer: party.identity, iss: party.org }) =>
    base64urlEncode(
      await createStatement(by.signer, { type, payload, iss: by.iss, origin, now: Date.now() }),
    );
  const root = { signer: party.root, iss: party.org };
  const registered = {
    salt: freshSalt(),
    root: party.root.key,
    domain: `${party.name}.example`,
    vaults: [{ key, url: vaultUrl, custody }],
    prev: null,
  };
  await call(plain, hubRoutes.registerOrganisation, {
    body: { name: party.name, statement: await sign('participant.registered', registered, root) },
  });
  const added = {
    salt: freshSalt(),
    org: party.org,
    key: party.identity.key,
    receiving: party.receiving.key,
    uses: [...USES],
    person: null,
  };
  await call(plain, hubRoutes.addIdentity, {
    body: { name: `${party.name} officer`, statement: await sign('identity.added', added, root) },
  });
  const { challenge } = await call(plain, hubRoutes.challenge, { body: {} });
  const hubOrigin = (await call(plain, hubRoutes.describe, {})).origin;
  const proof = await createMessage(party.identity, {
    name: 'session-proof',
    payload: { challenge },
    audience: hubOrigin,
    now: Date.now(),
  });
  const { token } = await call(plain, hubRoutes.openSession, { body: { proof: base64urlEncode(proof) } });
  const hub: Service = { ...plain, authenticate: async () => ({ authorization: `Bearer ${token}` }) };
  return { party, hub, vault: { ...vault, key, kid }, origin, sign };
}

/** Asks the vault for the project's KEK, wraps the party's CEK under it and hands it in. */
export async function wrapCek(session: Session, project: string): Promise<Digest> {
  const { party, vault, hub } = session;
  const ask = { org: party.org, project, role: party.role };
  const request = await createMessage(party.identity, {
    name: 'kek-request',
    payload: ask,
    audience: vault.kid,
    now: Date.now(),
  });
  const { statement } = await call(vault, vaultRoutes.createKek, {
    body: { request: base64urlEncode(request) },
  });
  const created = await readStatement(base64urlDecode(statement));
  if (!isOfType(created, 'kek.created')) throw new Error('The vault answered with another statement.');
  await call(hub, hubRoutes.publish, { params: { project }, body: { statement } });
  const wcek = await wrapKey(await importKek(base64urlDecode(created.payload.spki)), party.cek);
  const { kek } = created.payload;
  const wrapped = await session.sign('key.wrapped', {
    salt: freshSalt(),
    ...ask,
    kek,
    wcek: await sha256Digest(wcek),
  });
  await call(hub, hubRoutes.publish, { params: { project }, body: { statement: wrapped } });
  await call(vault, vaultRoutes.wrapKey, { body: { statement: wrapped, wcek: base64urlEncode(wcek) } });
  return kek;
}

export async function publishDocument(
  session: Session,
  project: string,
  type: 'specification.published' | 'attestation.published' | 'criteria.published',
  text: Uint8Array,
  more: { specification?: Digest; version?: number } = {},
): Promise<Digest> {
  const document = await sha256Digest(text);
  const payload = {
    salt: freshSalt(),
    org: session.party.org,
    project,
    document,
    version: 1,
    prev: null,
    ...more,
  };
  const statement = await session.sign(type, payload as PayloadOf<typeof type>);
  const details = { name: type, description: '', versionTag: '1', versionDescription: '' };
  await call(session.hub, hubRoutes.publish, {
    params: { project },
    body: { statement, document: base64urlEncode(text), details },
  });
  return document;
}

/** Uploads a sealed folder to a fresh container of the built-in store; the signed URL for reading. */
export async function uploadSealed(session: Session, project: string, folder: string): Promise<string> {
  const store = await call(session.hub, hubRoutes.createStore, { params: { project }, body: {} });
  const container = openContainer(store.writeUrl, {
    fetch: (url, init) => session.hub.fetch(String(url), init ?? {}),
  });
  await forEachFew((await readSealedFolder(folder)).files, async (file) =>
    container.put(file.path, await readFile(file.sealedPath)),
  );
  return store.readUrl;
}

type AssetOptions =
  | { readonly kind: 'dataset'; readonly specification: Digest; readonly attestation: Digest }
  | { readonly kind: 'algorithm'; readonly criteria: Digest };

/** Seals a folder, uploads it and publishes it as a version. */
export async function publishAsset(
  session: Session,
  project: string,
  {
    input,
    output,
    upload = (folder) => uploadSealed(session, project, folder),
    ...options
  }: {
    input: string;
    output: string;
    /** Brings the sealed folder to a store; the URL for reading. */
    upload?: (folder: string) => Promise<string>;
  } & AssetOptions,
): Promise<Digest> {
  const { party } = session;
  const { artifacts } = await call(session.hub, hubRoutes.artifacts, { params: { project } });
  const earlier = artifacts.filter((item) => item.kind === options.kind && item.org === party.org);
  const last = earlier.toSorted((a, b) => a.version - b.version).at(-1);
  const sealed = await sealFolder({ input, output, cek: party.cek, kind: options.kind });
  const url = await upload(output);
  const base = {
    salt: freshSalt(),
    org: party.org,
    project,
    digest: sealed.digest,
    assetSalt: sealed.assetSalt,
    keyCommitment: sealed.keyCommitment,
    version: (last?.version ?? 0) + 1,
    files: sealed.inventory.files.length,
    bytes: sealed.inventory.files.reduce((sum, file) => sum + file.size, 0),
    prev: null,
  };
  const statement =
    options.kind === 'dataset'
      ? await session.sign('dataset.published', {
          ...base,
          sensitivity: 'test',
          specification: options.specification,
          attestation: options.attestation,
        })
      : await session.sign('algorithm.published', {
          ...base,
          image: null,
          base: 'host',
          builder: 'room',
          recipe: null,
          mode: 'validation',
          criteria: options.criteria,
        });
  const details = { name: options.kind, description: '', versionTag: '1', versionDescription: '' };
  await call(session.hub, hubRoutes.publish, { params: { project }, body: { statement, details, url } });
  return sealed.digest;
}

/** Signs a contract's bytes; base64url of the statement. */
export async function signContract(session: Session, contract: Contract): Promise<string> {
  const { party, origin } = session;
  const statement = await signPayload(party.identity, {
    type: 'contract.signed',
    bytes: encodeContract(contract),
    iss: party.org,
    origin,
    now: Date.now(),
  });
  return base64urlEncode(statement);
}
