// For this app's tests: a project and everything that two parties publish in it before they agree on a run.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { generateSecret, type Signer } from '@sealroom/cose';
import { freshSalt, type PayloadOf, type Role, type StatementType } from '@sealroom/contract';
import { type Hub, NOON, STORE } from './hub-for-tests.ts';
import { as, type Party, say } from './parties-for-tests.ts';

export async function newProject(hub: Hub, steward: Party, owner: Party): Promise<string> {
  const participants: { org: Digest; role: Role }[] = [
    { org: steward.org, role: 'data-steward' },
    { org: owner.org, role: 'algorithm-owner' },
  ];
  const { project } = await as(hub, owner, hubRoutes.createProject, { body: { name: 'P', participants } });
  return project;
}

export const details = { name: 'A thing', description: '', versionTag: 'v', versionDescription: '' };
const bytes32 = () => base64urlEncode(generateSecret());
export const random = () => sha256Digest(generateSecret());

export type Shelf = {
  readonly specification: Digest;
  readonly attestation: Digest;
  readonly criteria: Digest;
  readonly dataset: Digest;
  readonly algorithm: Digest;
  readonly keks: readonly [Digest, Digest];
};

type Extra = { document?: string; url?: string };

/** Signs and publishes a statement in a project. */
export async function publish<T extends StatementType>(
  hub: Hub,
  party: Party,
  {
    type,
    payload,
    extra = {},
    signer = party.person,
  }: { type: T; payload: PayloadOf<T>; extra?: Extra; signer?: Signer },
) {
  const statement = await say(hub, signer, { type, payload, iss: party.org });
  const { project } = payload as { project: string };
  return as(hub, party, hubRoutes.publish, { params: { project }, body: { statement, details, ...extra } });
}

export function storeUrl(name: string): string {
  return `${STORE}/${name}?se=${NOON / 1000 + 86_400}&sp=r&sig=secret-${name}`;
}

export function base(party: Party, project: string) {
  return { salt: freshSalt(), org: party.org, project };
}

/** The payload parts of a dataset or algorithm version. */
export async function versionOf(digest: Digest, version = 1) {
  return { digest, assetSalt: bytes32(), keyCommitment: bytes32(), version, files: 1, bytes: 10, prev: null };
}

/** Everything two parties publish before they agree on a run. */
export async function fillShelf(hub: Hub, steward: Party, owner: Party, project: string): Promise<Shelf> {
  const document = async (text: string) => {
    const bytes = utf8Encode(text + freshSalt());
    return { digest: await sha256Digest(bytes), text: base64urlEncode(bytes) };
  };
  const [spec, report, rules] = await Promise.all(['spec', 'report', '{"criteria":1}'].map(document));
  if (!spec || !report || !rules) throw new Error('no documents');
  const ds = base(steward, project);
  const ao = base(owner, project);
  const spki = [generateSecret(), generateSecret()] as const;
  const keks = [await sha256Digest(spki[0]), await sha256Digest(spki[1])] as const;
  for (const [party, kek, role, publicHalf] of [
    [steward, keks[0], 'data-steward', spki[0]],
    [owner, keks[1], 'algorithm-owner', spki[1]],
  ] as const) {
    const kekPayload = {
      ...base(party, project),
      role,
      kek,
      spki: base64urlEncode(publicHalf),
      version: 1,
      custody: 'own' as const,
    };
    await publish(hub, party, { type: 'kek.created', payload: kekPayload, signer: party.vault });
    const wrapped = { ...base(party, project), role, kek, wcek: await random() };
    await publish(hub, party, { type: 'key.wrapped', payload: wrapped });
  }
  await publish(hub, steward, {
    type: 'specification.published',
    payload: { ...ds, document: spec.digest, version: 1, prev: null },
    extra: { document: spec.text },
  });
  await publish(hub, steward, {
    type: 'attestation.published',
    payload: { ...ds, document: report.digest, specification: spec.digest, version: 1, prev: null },
    extra: { document: report.text },
  });
  await publish(hub, owner, {
    type: 'criteria.published',
    payload: { ...ao, document: rules.digest, version: 1, prev: null },
    extra: { document: rules.text },
  });
  const [dataset, algorithm] = [await random(), await random()];
  const documents = { specification: spec.digest, attestation: report.digest };
  await publish(hub, steward, {
    type: 'dataset.published',
    payload: { ...ds, ...(await versionOf(dataset)), sensitivity: 'test', ...documents },
    extra: { url: storeUrl('dataset') },
  });
  const code = { image: null, base: 'host', builder: 'owner', recipe: null, mode: 'validation' } as const;
  await publish(hub, owner, {
    type: 'algorithm.published',
    payload: { ...ao, ...(await versionOf(algorithm)), ...code, criteria: rules.digest },
    extra: { url: storeUrl('algorithm') },
  });
  await publish(hub, steward, {
    type: 'criteria.accepted',
    payload: { ...ds, document: rules.digest, note: null },
  });
  return { ...documents, criteria: rules.digest, dataset, algorithm, keks };
}
