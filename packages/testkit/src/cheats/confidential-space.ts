// Rooms that a made-up Google Cloud Attestation vouches for, and every cheat with its tokens: those that bring a chain under a pinned
// root, where a variable set at launch names the run, and those under a published key set, where the room's program names it.
import { type Entry, NO_COLLATERAL, readCollateral, type Roots } from '@sealroom/attest';
import { type Bytes, hexEncode, type JsonObject } from '@sealroom/bytes';
import { FakeConfidentialSpace, SPACE_AUDIENCE, SPACE_IMAGE } from '../vendors/gcp-confidential-space.ts';
import { authorityExtensions, spkiOf } from '../vendors/issue-certificates.ts';
import { tokenSigner } from '../vendors/tokens.ts';
import {
  type Cheat,
  type CheatTable,
  joined,
  none,
  type PlayedTechnology,
  startedForAnother,
} from './cheats.ts';
import { keySetRows, type PublishingService, setOf } from './key-sets.ts';
import { bytesRows, cheatsOf, claimsRows, HOUR, type TokenService, toldOf, within } from './tokens.ts';

type Kind = 'chain' | 'published';

const TECHNOLOGY = 'gcp-confidential-space';
const ISSUER = 'https://confidentialcomputing.googleapis.com';
const INSTANCE: { readonly [kind in Kind]: string } = { chain: '2', published: '3' };
const CONTAINER = ['submods', 'container'];
const told = toldOf(TECHNOLOGY);
const UNCHECKED = told('revocation', 'revocation/unchecked');

const platformOf = (kind: Kind) => `${TECHNOLOGY}:instance:1/europe-west1-b/${INSTANCE[kind]}`;

async function serviceOf(kind: Kind, now: number) {
  const google = await FakeConfidentialSpace.create(now);
  const service: PublishingService = {
    technology: TECHNOLOGY,
    now,
    issuer: ISSUER,
    jwks: google.jwks,
    signer: google.signer,
    stranger: await tokenSigner('RS256'),
    claims: ({ reportData, hostData }) => {
      const claims = within(google.claims(reportData), ['submods', 'gce'], { instance_id: INSTANCE[kind] });
      const set = { SEALROOM_MANIFEST: hexEncode(hostData) };
      return kind === 'chain' ? within(claims, CONTAINER, { env_override: set }) : claims;
    },
    sign: async (payload, header, signer) =>
      kind === 'chain'
        ? google.token(payload, header, signer && { signer })
        : google.oidcToken(payload, header, signer),
  };
  return { google, service };
}

function entryOf(kind: Kind): Entry {
  return {
    technology: TECHNOLOGY,
    keys: kind,
    audience: [SPACE_AUDIENCE],
    image: [SPACE_IMAGE],
    hardware: ['GCP_AMD_SEV_SNP'],
    minimumSoftware: 250_301,
    support: ['STABLE'],
    projects: ['made-up'],
    command: 'image',
    environment: 'image',
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: [platformOf(kind)],
    ...(kind === 'chain' ? { hostData: 'manifest' } : { runBinding: 'software' }),
  };
}

/** What Google finds of the machine and of what its operator set. */
function machineRows(service: TokenService, kind: Kind) {
  const { claimed } = cheatsOf(service);
  const submod = (what: string, expected: readonly string[], [name, change]: [string, JsonObject]): Cheat =>
    claimed(what, expected, (claims) => within(claims, ['submods', name], change));
  const debug = told('debug', 'debug');
  const unbound = [
    ...told('room-binding', 'binding'),
    ...(kind === 'published' ? told('run-binding', 'run') : []),
  ];
  return {
    'another machine or project': [
      submod('another instance', told('platform', 'platform'), ['gce', { instance_id: '4' }]),
      submod('no name of the instance', told('platform', 'platform'), ['gce', { instance_id: null }]),
      submod('another project', told('configuration', 'project'), ['gce', { project_id: 'other' }]),
    ],
    debug: [
      claimed('a debug image', debug, { dbgstat: 'enabled' }),
      claimed('one that was debugged since it booted', debug, { dbgstat: 'disabled' }),
      claimed('no word on debugging', debug, { dbgstat: null }),
    ],
    'provisional or old firmware': [
      claimed('an old image of Confidential Space', told('tcb', 'version'), { swversion: ['250300'] }),
      claimed('an old one beside a new one', told('tcb', 'version'), { swversion: ['250301', '250300'] }),
      submod('one that is experimental', told('tcb', 'support'), [
        'confidential_space',
        { support_attributes: ['EXPERIMENTAL'] },
      ]),
    ],
    'other code': [
      submod('another container', told('code', 'image'), [
        'container',
        { image_digest: `sha256:${'00'.repeat(32)}` },
      ]),
      submod('a container that is not named', told('code', 'image'), ['container', { image_digest: null }]),
    ],
    'another configuration': [
      claimed('a VM that runs any image', told('technology', 'software'), { swname: 'GCE' }),
      claimed('a VM whose memory its host reads', told('technology', 'hardware'), {
        hwmodel: 'GCP_SHIELDED_VM',
      }),
      claimed('no secure boot', told('configuration', 'secure-boot'), { secboot: false }),
      submod('another command', told('configuration', 'command'), [
        'container',
        { cmd_override: ['/bin/sh'] },
      ]),
      claimed('another environment', told('configuration', 'environment'), (claims) => {
        const { submods } = claims as { submods: { container: { env_override?: JsonObject } } };
        const { env_override: set = {} } = submods.container;
        return within(claims, CONTAINER, { env_override: { ...set, LD_PRELOAD: '/evil.so' } });
      }),
    ],
    'a token for another audience': [
      claimed('another vault', told('configuration', 'audience'), { aud: 'https://other.example' }),
      claimed('several, with this one', told('configuration', 'audience'), {
        aud: [SPACE_AUDIENCE, 'https://other.example'],
      }),
    ],
    'another nonce': [
      claimed('several, with this one', told('evidence', 'nonce').concat(unbound), (claims) => ({
        ...claims,
        eat_nonce: [claims['eat_nonce'] ?? '', '00'.repeat(32)],
      })),
    ],
  } satisfies Partial<CheatTable>;
}

/** Chains in the header, and lists of their authorities beside it. */
async function chainRows(google: FakeConfidentialSpace, service: PublishingService) {
  const { now } = service;
  const { prove, claimed } = cheatsOf(service);
  const other = await FakeConfidentialSpace.create(now);
  const good = await google.crls();
  const chained = (
    what: string,
    expected: readonly string[],
    chain: () => Promise<readonly Uint8Array[]> | readonly Uint8Array[],
    { signer = google.signer, header = {} } = {},
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({
      body: await google.token(service.claims(bounds.good), header, { signer, chain: await chain() }),
    }),
  });
  const listed = (
    what: string,
    expected: readonly string[],
    lists: () => Promise<readonly Bytes[]>,
  ): Cheat => ({
    what,
    told: expected,
    attempt: async (bounds) => ({
      body: await prove(bounds.good),
      collateral: readCollateral((await lists()).map((bytes, index) => ({ name: `${index}.crl`, bytes }))),
    }),
  });
  const [leaf = new Uint8Array(), intermediate = new Uint8Array(), root = new Uint8Array()] = google.chain;
  const [, otherIntermediate = new Uint8Array(), otherRoot = new Uint8Array()] = other.chain;
  const authority = await authorityExtensions(await spkiOf(google.signer.pair), {});
  const theirs = { signer: other.signer, header: { kid: other.signer.thumbprint } };
  const revoked = told('revocation', 'revocation/revoked');
  return {
    'a leaf of another kind or name': [
      chained('an authority', told('evidence', 'chain/leaf'), async () =>
        google.chainWith({ extensions: authority }),
      ),
      chained('a key that the header does not name', told('evidence', 'chain/kid'), () => google.chain, {
        header: { kid: 'another' },
      }),
    ],
    'an intermediate of another kind or signer': [
      chained('none', told('evidence', 'chain/whole'), () => [leaf, intermediate]),
      chained('the root alone', told('evidence', 'chain/whole', 'chain/no-path', 'chain/leaf'), () => [
        leaf,
        root,
      ]),
      chained('another vendor’s', told('evidence', 'chain/whole', 'chain/signature', 'chain/leaf'), () => [
        leaf,
        otherIntermediate,
        root,
      ]),
      chained('a chain of another vendor', told('evidence', 'chain/signature'), () => other.chain, theirs),
      chained('another vendor’s root beside ours', told('evidence', 'chain/whole'), () => [
        leaf,
        intermediate,
        otherRoot,
      ]),
      chained('a leaf of the root’s own', told('evidence', 'chain/whole'), async () =>
        google.chainWith({}, 1),
      ),
    ],
    'a certificate or token that has ended': [
      chained('the leaf', told('evidence', 'chain/expired'), async () =>
        google.chainWith({ notAfter: now - HOUR }),
      ),
    ],
    'a certificate or token from the future': [
      chained('the leaf', told('evidence', 'chain/not-yet-valid'), async () =>
        google.chainWith({ notBefore: now + HOUR }),
      ),
    ],
    'a list of another kind or signer': [listed('another vendor’s', UNCHECKED, async () => other.crls())],
    'collateral that has ended': [
      listed('the lists', UNCHECKED, async () => google.crls([], { nextUpdate: now - HOUR })),
    ],
    'collateral from the future': [
      listed('the lists', UNCHECKED, async () => google.crls([], { thisUpdate: now + HOUR })),
    ],
    'collateral that is missing': [
      listed('both lists', UNCHECKED, async () => []),
      listed('that of the root', UNCHECKED, async () => good.slice(0, 1)),
      listed('that of the authority below', UNCHECKED, async () => good.slice(1)),
    ],
    'what its vendor revoked': [
      listed('the leaf', revoked, async () => google.crls([3])),
      listed('the authority', revoked, async () => google.crls([2])),
    ],
    'a token of another issuer': [
      claimed('Google’s accounts', told('evidence', 'issuer'), { iss: 'https://accounts.google.com' }),
    ],
    'started for another run': [
      startedForAnother(TECHNOLOGY, prove),
      claimed('for none', told('run-binding', 'run'), (claims) =>
        within(claims, CONTAINER, { env_override: null }),
      ),
    ],
    'a clock an hour behind': [
      listed('before the token was made', told('evidence', 'not-yet-valid'), async () => good),
    ],
    'a clock an hour ahead': [
      listed('after the token’s time', told('evidence', 'age', 'expired'), async () => good),
      listed('after the lists’ end', [...told('evidence', 'age', 'expired'), ...UNCHECKED], async () =>
        google.crls([], { nextUpdate: now + HOUR / 2 }),
      ),
    ],
  } satisfies Partial<CheatTable>;
}

/** Tokens that bring no chain are known by their issuer alone. */
function publishedRows(service: PublishingService) {
  const { claimed } = cheatsOf(service);
  return {
    'a token of another issuer': [
      claimed('Google’s accounts', told('evidence', 'malformed'), { iss: 'https://accounts.google.com' }),
      claimed('another name of it', told('evidence', 'malformed'), { iss: `${ISSUER}/` }),
    ],
    'started for another run': none(
      'of this machine only the room’s program names the run: see “another manifest”',
    ),
  } satisfies Partial<CheatTable>;
}

async function play(kind: Kind, now: number): Promise<PlayedTechnology> {
  const { google, service } = await serviceOf(kind, now);
  const chain = kind === 'chain';
  const [, intermediate, root] = google.chain;
  const roots: Roots = {
    'google-confidential-space': readCollateral([{ name: 'root', bytes: root ?? new Uint8Array() }])
      .certificates,
  };
  const lists = await google.crls();
  const files = lists.map((bytes, index) => ({ name: `${index}.crl`, bytes }));
  const path = '/google/jwks';
  const fields = {
    nonce: { eat_nonce: '00'.repeat(32) },
    image: (claims: JsonObject) => within(claims, CONTAINER, { image_digest: `sha256:${'00'.repeat(32)}` }),
    'the end': { exp: Math.floor(now / 1000) + 3599 },
    audience: { aud: 'https://other.example' },
  };
  const own = chain
    ? await chainRows(google, service)
    : { ...keySetRows(service, ['expired']), ...publishedRows(service) };
  return {
    title: chain ? 'Confidential Space, by its chain' : 'Confidential Space, by published keys',
    technology: TECHNOLOGY,
    sensitivity: 'real',
    entry: entryOf(kind),
    roots: chain ? roots : {},
    platform: platformOf(kind),
    answers: new Map(chain ? [] : [[path, { body: service.jwks }]]),
    keySets: chain ? {} : { [ISSUER]: path },
    collateral: chain ? readCollateral(files) : NO_COLLATERAL,
    published: chain ? [] : [await setOf(service)],
    imports: chain ? [...files, { name: 'intermediate', bytes: intermediate ?? new Uint8Array() }] : [],
    basis: chain ? 'roots' : 'vaults',
    prove: cheatsOf(service).prove,
    cheats: joined(
      bytesRows(service, fields),
      claimsRows(service, chain ? 'field' : 'software'),
      machineRows(service, kind),
      own,
    ),
  };
}

/** @param now milliseconds since 1970, when all is good */
export const playSpaceChain = async (now: number): Promise<PlayedTechnology> => play('chain', now);
export const playSpacePublished = async (now: number): Promise<PlayedTechnology> => play('published', now);
