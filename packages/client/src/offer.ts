// Makes the contract of a run configuration from what was verified (docs/protocol.md section 6). Not decided here: whether
// to sign it; `review.ts` holds it against the pins first.
import type { Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import {
  type ArtifactState,
  type Contract,
  encodeContract,
  freshSalt,
  type PayloadOf,
  type Role,
  type Use,
} from '@sealroom/contract';
import { ClientError } from './error.ts';
import { identitiesOf, vaultsOf, type VerifiedRecord } from './verified-record.ts';

/** The terms that people choose; everything else follows from the record. */
export type OfferTerms = Pick<
  Contract,
  'purpose' | 'jurisdiction' | 'notBefore' | 'notAfter' | 'parameters' | 'quota'
> & {
  readonly room: Omit<Contract['room'], 'accept' | 'network'>;
  readonly output: Omit<Contract['output'], 'recipients' | 'release'>;
  readonly access: Contract['datasets'][number]['access'];
  readonly maxAgeSeconds: number;
  readonly witnesses: Contract['ledger']['witnesses'];
};

/** A machine whose simulated rooms the contract accepts. */
export type AcceptedNode = { readonly simulator: KeyText; readonly launch: Digest };

export type OfferParts = {
  readonly verified: VerifiedRecord;
  readonly project: string;
  readonly participants: readonly { readonly org: Digest; readonly role: Role }[];
  readonly datasets: readonly Digest[];
  readonly algorithm: Digest;
  /** What rooms must prove: that of simulated ones these nodes start them, or what hardware must sign. */
  readonly rooms:
    | { readonly nodes: readonly AcceptedNode[] }
    | { readonly accept: Contract['room']['accept'] };
  readonly recipients: Contract['output']['recipients'];
  readonly terms: OfferTerms;
};

/** What a key may be used for in each role; an identity gets those of them that its organisation vouched for. */
const USES_OF_ROLE: Readonly<Record<Role, readonly Use[]>> = {
  'data-steward': ['contract', 'approve', 'suspend', 'publish'],
  'algorithm-owner': ['contract', 'request', 'suspend', 'publish'],
};

function mismatch(message: string): ClientError {
  return new ClientError('client/mismatch', message);
}

function participant({ verified }: OfferParts, org: Digest, role: Role): Contract['participants'][number] {
  const root = verified.record.organisations.get(org)?.root;
  if (!root) throw mismatch('A participant of the project is not registered in the ledger.');
  const keys = identitiesOf(verified, org).flatMap(({ kid, uses }) => {
    const given = USES_OF_ROLE[role].filter((use) => uses.has(use));
    return given.length === 0 ? [] : [{ kid, uses: given }];
  });
  if (keys.length === 0) throw mismatch('A participant of the project has no person who could sign for it.');
  return { org, root, role, keys };
}

function standing(
  { verified, project }: OfferParts,
  kind: 'dataset' | 'algorithm',
  digest: Digest,
): ArtifactState {
  const found = [...verified.record.artifacts.values()].find(
    (item) => item.kind === kind && item.digest === digest && item.project === project && !item.withdrawn,
  );
  if (found) return found;
  throw mismatch(`The ${kind} has not been published in this project, or was withdrawn.`);
}

function vault(parts: OfferParts, org: Digest, role: Role): Contract['vaults'][number] {
  const { verified, project } = parts;
  const [place] = vaultsOf(verified, org);
  if (!place) throw mismatch('An organisation whose asset is used has registered no vault.');
  const keks = [...verified.record.keks.values()]
    .filter((kek) => kek.org === org && kek.project === project && kek.role === role)
    .toSorted((a, b) => b.version - a.version)
    .map(({ kek }) => kek);
  const words = role === 'data-steward' ? 'data steward' : 'algorithm owner';
  if (keks.length === 0)
    throw mismatch(`The ${words} has not made its key-encryption key yet (sealroom key kek create).`);
  if (!verified.record.wrapped.has(`${org}/${project}/${role}`))
    throw mismatch(`The ${words} has not uploaded its wrapped key yet (sealroom key upload).`);
  return { org, url: place.url, key: place.key, keks, custody: place.custody };
}

function acceptedRooms(rooms: OfferParts['rooms']): Contract['room']['accept'] {
  if ('accept' in rooms) return [...rooms.accept];
  const keys = [...new Set(rooms.nodes.map(({ simulator }) => simulator))];
  const launch = [...new Set(rooms.nodes.map(({ launch: program }) => program))];
  return [{ technology: 'simulated', keys, launch, hostData: 'manifest' }];
}

/**
 * The contract, ready to be reviewed and signed.
 * @throws client/mismatch when the record lacks something · contract/malformed
 */
export function draftContract(parts: OfferParts): Contract {
  const { verified, terms, recipients } = parts;
  const { origin, key } = verified.ledger;
  const datasets = parts.datasets.map((digest) => standing(parts, 'dataset', digest));
  const algorithm = standing(parts, 'algorithm', parts.algorithm);
  const built = algorithm.published.payload as PayloadOf<'algorithm.published'>;
  const owners = new Map<Digest, Role>([
    ...datasets.map(({ org }) => [org, 'data-steward'] as const),
    [algorithm.org, 'algorithm-owner'],
  ]);
  const contract: Contract = {
    v: 1,
    version: 1,
    first: null,
    project: parts.project,
    salt: freshSalt(),
    purpose: terms.purpose,
    jurisdiction: terms.jurisdiction,
    notBefore: terms.notBefore,
    notAfter: terms.notAfter,
    participants: parts.participants.map(({ org, role }) => participant(parts, org, role)),
    datasets: datasets.map(({ digest, org, published }) => {
      const payload = published.payload as PayloadOf<'dataset.published'>;
      const { specification, attestation, sensitivity } = payload;
      return { digest, steward: org, specification, attestation, sensitivity, access: terms.access };
    }),
    algorithms: [
      {
        package: algorithm.digest,
        image: built.image,
        base: built.base,
        owner: algorithm.org,
        mode: built.mode,
      },
    ],
    criteria: built.criteria,
    parameters: terms.parameters,
    room: {
      ...terms.room,
      accept: acceptedRooms(parts.rooms),
      network: 'none',
    },
    output: { ...terms.output, recipients: [...recipients], release: 'automatic' },
    quota: terms.quota,
    ledger: { origin, key, witnesses: terms.witnesses, maxAgeSeconds: terms.maxAgeSeconds },
    vaults: [...owners].map(([org, role]) => vault(parts, org, role)),
  };
  encodeContract(contract);
  return contract;
}
