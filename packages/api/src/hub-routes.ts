// The hub's API. A person's calls carry `authorization: Bearer <token>`; a node's carry `authorization: Node <base64url
// node-request message>` over method, path and body; a room's carry messages signed by the room key in the body.
import {
  bytesText,
  digest,
  identifier,
  ISOLATIONS,
  keyText,
  line,
  lines,
  ROLES,
  SENSITIVITIES,
  url,
  USES,
  technology,
} from '@sealroom/contract';
import { z } from 'zod';
import type { Route } from './route.ts';
import { ledgerShape, placed, projectParams, recorded, runParams } from './shapes.ts';

const cose = bytesText();
/** base64url of up to so many bytes; whether it decodes is seen when it is used. */
const blob = (maxBytes: number) =>
  z
    .string()
    .max(Math.ceil((maxBytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]*$/, 'expected base64url without padding');
const MIB = 1024 * 1024;
const name = line(200).trim().min(1);
const text = lines(4000);
const at = z.string().describe('RFC 3339 UTC');

export const RUN_STATUSES = ['Pending', 'Run Requested', 'In Progress'] as const;
export const RUN_OUTCOMES = [
  'Run Requested',
  'Run Withdrawn',
  'Run Rejected',
  'Run Initiated',
  'Runtime Build',
  'Workload Launch',
  'Run',
  'Run Completed',
  'Run Failed',
  'Run Cancelled',
] as const;
export const ARTIFACT_KINDS = [
  'specification',
  'attestation',
  'criteria',
  'dataset',
  'algorithm',
  'kek',
  'wcek',
] as const;

const person = z.strictObject({
  kid: digest,
  org: digest,
  name,
  key: keyText,
  receiving: keyText,
  uses: z.array(z.enum(USES)),
  revoked: z.boolean(),
});
const organisation = z.strictObject({
  org: digest,
  name,
  domain: z.string(),
  root: keyText,
  vaults: z.array(z.strictObject({ key: keyText, url, custody: z.string() })),
  people: z.array(person),
  statements: z.array(recorded),
});
const project = z.strictObject({
  project: identifier,
  name,
  description: text,
  technology: z.string(),
  state: z.enum(['Active', 'Paused', 'Deactivated']),
  createdAt: at,
  participants: z.array(z.strictObject({ org: digest, name, role: z.enum(ROLES) })),
});
/** What people write about a version; kept apart from statements so that it can be erased. */
const details = z.strictObject({
  name,
  description: text.default(''),
  versionTag: line(100).default(''),
  versionDescription: text.default(''),
});
const artifact = z.strictObject({
  kind: z.enum(ARTIFACT_KINDS),
  digest,
  org: digest,
  project: identifier,
  version: z.int().min(1),
  details,
  publishedAt: at,
  publishedBy: digest,
  sensitivity: z.enum(SENSITIVITIES).nullable(),
  answers: z.array(z.strictObject({ org: digest, said: z.enum(['accepted', 'declined']) })),
  withdrawn: z.boolean(),
  statement: recorded,
});
const runConfiguration = z.strictObject({
  runConfiguration: identifier,
  project: identifier,
  name,
  description: text,
  contract: digest,
  contractBytes: bytesText(),
  status: z.enum(RUN_STATUSES),
  signedBy: z.array(digest),
  suspended: z.boolean(),
  revoked: z.boolean(),
  createdAt: at,
  statements: z.array(recorded),
});
const run = z.strictObject({
  run: digest,
  runNumber: z.int().min(1),
  runConfiguration: identifier,
  project: identifier,
  status: z.enum(RUN_OUTCOMES),
  detail: z.string().nullable(),
  requestedAt: at,
  endedAt: at.nullable(),
  stages: z.array(z.strictObject({ stage: z.string(), at, detail: z.string().nullable() })),
  hasOutput: z.boolean(),
  hasReceipt: z.boolean(),
  statements: z.array(recorded),
});
const node = z.strictObject({
  node: digest,
  name,
  key: keyText,
  simulator: keyText.nullable(),
  hardware: technology.nullable(),
  launch: digest,
  isolation: z.enum(ISOLATIONS),
  maxVcpu: z.int(),
  maxMemoryGiB: z.int(),
  lastSeenAt: at.nullable(),
});
const asset = z.strictObject({ digest, kind: z.enum(['dataset', 'algorithm']), url });

/** All that a node hands to the room it starts; every part is untrusted there and checked again. */
export const work = z.strictObject({
  run: digest,
  project: identifier,
  runConfiguration: identifier,
  contracts: z.array(digest),
  statements: z.array(z.strictObject({ cose, index: z.int().min(0) })),
  assets: z.array(asset),
  criteria: bytesText(),
  uploadedAt: z.array(z.strictObject({ digest, at })),
});

const none = z.strictObject({});

export const hubRoutes = {
  describe: {
    method: 'GET',
    path: '/v1/hub',
    summary: 'This hub: its origin, its ledger and the operator’s word on it',
    response: z.strictObject({
      origin: z.string(),
      ledger: ledgerShape,
      registration: z.enum(['open', 'code']),
      storeOrigins: z.array(z.string()),
    }),
  },
  challenge: {
    method: 'POST',
    path: '/v1/sessions/challenge',
    summary: 'A challenge to sign',
    body: none,
    response: z.strictObject({ challenge: bytesText(32), expiresAt: at }),
  },
  openSession: {
    method: 'POST',
    path: '/v1/sessions',
    summary: 'Prove an identity key, get a bearer token',
    body: z.strictObject({ proof: cose.describe('session-proof message; audience is the hub’s origin') }),
    response: z.strictObject({ token: z.string(), expiresAt: at, org: digest, kid: digest }),
    errors: ['hub/unknown-identity', 'hub/challenge', 'statement/bad-signature'],
  },
  registerOrganisation: {
    method: 'POST',
    path: '/v1/organisations',
    summary: 'Register an organisation with its root-signed statement',
    body: z.strictObject({ name, statement: cose, code: line(100).optional() }),
    response: z.strictObject({ org: digest, ...placed.shape }),
  },
  addIdentity: {
    method: 'POST',
    path: '/v1/identities',
    summary: 'Add a person’s identity key, vouched for by the organisation’s root',
    body: z.strictObject({ name, statement: cose }),
    response: z.strictObject({ kid: digest, ...placed.shape }),
  },
  revokeIdentity: {
    method: 'POST',
    path: '/v1/identities/revoked',
    summary: 'Revoke an identity key',
    body: z.strictObject({ statement: cose }),
    response: placed,
  },
  organisation: {
    method: 'GET',
    path: '/v1/organisations/{org}',
    summary: 'An organisation, its people and the statements that vouch for them',
    params: z.strictObject({ org: digest }),
    response: organisation,
  },
  createProject: {
    method: 'POST',
    path: '/v1/projects',
    summary: 'Create a project with its participants',
    body: z.strictObject({
      name,
      description: text.default(''),
      technology: line(100).default('simulated'),
      participants: z
        .array(z.strictObject({ org: digest, role: z.enum(ROLES) }))
        .min(2)
        .max(64),
    }),
    response: project,
  },
  projects: {
    method: 'GET',
    path: '/v1/projects',
    summary: 'My organisation’s projects',
    response: z.strictObject({ projects: z.array(project) }),
  },
  project: {
    method: 'GET',
    path: '/v1/projects/{project}',
    summary: 'One project',
    params: projectParams,
    response: project,
  },
  publish: {
    method: 'POST',
    path: '/v1/projects/{project}/artifacts',
    summary:
      'Publish a specification, attestation, criteria, dataset or algorithm version, a KEK or a WCEK, or answer one',
    params: projectParams,
    maxBytes: 8 * MIB,
    body: z.strictObject({
      statement: cose,
      details: details.optional(),
      document: blob(5 * MIB)
        .optional()
        .describe(
          'the document of a specification, attestation or criteria; must hash to the statement’s digest',
        ),
      url: url.optional().describe('where the sealed files lie: a container’s signed URL for reading'),
    }),
    response: z.strictObject({ digest, ...placed.shape }),
    errors: [
      'hub/not-a-participant',
      'hub/digest-mismatch',
      'hub/store-not-allowed',
      'statement/wrong-state',
    ],
  },
  artifacts: {
    method: 'GET',
    path: '/v1/projects/{project}/artifacts',
    summary: 'All artifact versions of a project',
    params: projectParams,
    response: z.strictObject({ artifacts: z.array(artifact) }),
  },
  document: {
    method: 'GET',
    path: '/v1/projects/{project}/documents/{digest}',
    summary: 'A document’s bytes',
    params: z.strictObject({ project: identifier, digest }),
    response: 'bytes',
  },
  createStore: {
    method: 'POST',
    path: '/v1/projects/{project}/stores',
    summary: 'A fresh container in the built-in file store, with signed URLs',
    params: projectParams,
    body: none,
    response: z.strictObject({ container: z.string(), writeUrl: url, readUrl: url, expiresAt: at }),
  },
  createRunConfiguration: {
    method: 'POST',
    path: '/v1/projects/{project}/run-configurations',
    summary:
      'Create a run configuration: the algorithm owner’s contract.signed is the offer (status Pending)',
    params: projectParams,
    body: z.strictObject({ name, description: text.default(''), statement: cose }),
    response: runConfiguration,
    errors: ['hub/not-unique', 'hub/not-a-participant'],
  },
  runConfigurations: {
    method: 'GET',
    path: '/v1/projects/{project}/run-configurations',
    summary: 'All run configurations of a project',
    params: projectParams,
    response: z.strictObject({ runConfigurations: z.array(runConfiguration) }),
  },
  runConfiguration: {
    method: 'GET',
    path: '/v1/run-configurations/{runConfiguration}',
    summary: 'One run configuration with its contract',
    params: z.strictObject({ runConfiguration: identifier }),
    response: runConfiguration,
  },
  submitStatement: {
    method: 'POST',
    path: '/v1/run-configurations/{runConfiguration}/statements',
    summary:
      'Sign, suspend, resume or revoke the contract; request, withdraw, approve (INITIATE RUN), reject or cancel a run',
    params: z.strictObject({ runConfiguration: identifier }),
    body: z.strictObject({
      statement: cose,
      note: text.optional().describe('a reason in words; kept apart, the statement names its digest'),
    }),
    response: z.strictObject({ digest, ...placed.shape }),
    errors: ['hub/run-in-progress', 'statement/wrong-state', 'statement/wrong-signer'],
  },
  runs: {
    method: 'GET',
    path: '/v1/projects/{project}/runs',
    summary: 'All runs of a project, newest first',
    params: projectParams,
    response: z.strictObject({ runs: z.array(run) }),
  },
  run: {
    method: 'GET',
    path: '/v1/runs/{run}',
    summary: 'One run and its stages',
    params: runParams,
    response: run,
  },
  output: {
    method: 'GET',
    path: '/v1/runs/{run}/output',
    summary: 'The sealed output',
    params: runParams,
    response: 'bytes',
  },
  envelope: {
    method: 'GET',
    path: '/v1/runs/{run}/envelope',
    summary: 'The output key, sealed to each recipient',
    params: runParams,
    response: 'bytes',
  },
  receipt: {
    method: 'GET',
    path: '/v1/runs/{run}/receipt',
    summary: 'The run’s receipt file',
    params: runParams,
    response: 'bytes',
  },
  roomEvent: {
    method: 'POST',
    path: '/v1/runs/{run}/events',
    summary:
      'A room tells where its run stands (signed by the room key; the first one brings a vault’s answer)',
    params: runParams,
    body: z.strictObject({ event: cose, answer: cose.optional(), reservation: cose.optional() }),
    response: none,
    errors: ['hub/unknown-room', 'hub/out-of-order'],
  },
  roomUpload: {
    method: 'POST',
    path: '/v1/runs/{run}/upload',
    summary: 'A room hands in its sealed output, envelope, run.finished statement and receipt parts',
    params: runParams,
    maxBytes: 128 * MIB,
    body: z.strictObject({
      upload: cose,
      sealed: blob(72 * MIB).nullable(),
      envelope: bytesText().nullable(),
      statement: cose,
      parts: blob(8 * MIB).describe('canonical JSON of the receipt parts that only the room has'),
    }),
    response: placed,
    errors: ['hub/unknown-room', 'hub/digest-mismatch'],
  },
  createNodeCode: {
    method: 'POST',
    path: '/v1/nodes/codes',
    summary: 'A one-time code with which a node enrols',
    body: z.strictObject({ name }),
    response: z.strictObject({ code: z.string(), expiresAt: at }),
  },
  enrolNode: {
    method: 'POST',
    path: '/v1/nodes',
    summary: 'Enrol a node',
    body: z.strictObject({ enrolment: cose }),
    response: z.strictObject({ node: digest }),
  },
  nodes: {
    method: 'GET',
    path: '/v1/nodes',
    summary: 'The nodes of this hub',
    response: z.strictObject({ nodes: z.array(node) }),
  },
  takeWork: {
    method: 'POST',
    path: '/v1/node/work',
    summary: 'A node tells which runs it has and asks for more; waits up to 20 seconds for some',
    timeoutMs: 30_000,
    body: z.strictObject({ running: z.array(digest).max(64) }),
    response: z.strictObject({ work: work.nullable() }),
  },
  reportRun: {
    method: 'POST',
    path: '/v1/node/runs/{run}',
    summary: 'A node reports that a room ended without finishing its run',
    params: runParams,
    body: z.strictObject({ outcome: z.enum(['failed']), detail: line(200) }),
    response: none,
  },
} as const satisfies { readonly [name: string]: Route };

export type ArtifactShape = z.infer<typeof artifact>;
export type ProjectShape = z.infer<typeof project>;
export type OrganisationShape = z.infer<typeof organisation>;
export type RunConfigurationShape = z.infer<typeof runConfiguration>;
export type RunShape = z.infer<typeof run>;
export type NodeShape = z.infer<typeof node>;
export type Work = z.infer<typeof work>;
export type Details = z.infer<typeof details>;
