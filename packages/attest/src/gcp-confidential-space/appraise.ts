// What a Confidential Space token must say. The code is the container's image digest on an image of Confidential Space that is
// not a debug one, recent enough and supported; the configuration is the audience, the project, and what an operator set
// over the image's own command and environment: a claim that is absent says that nothing was set.
import type { Json, JsonObject } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { flagAt, memberOf, objectAt, textAt, textsAt } from '../jwt/claims.ts';
import type { Check } from '../types.ts';
import { type ConfidentialSpaceEntry, RUN_VARIABLE } from './entry.ts';
import { type ConfidentialSpaceClaims, nonceOf } from './verify.ts';

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function commandFits(container: JsonObject | undefined, command: ConfidentialSpaceEntry['command']): boolean {
  if (isEmpty(memberOf(container, 'cmd_override'))) return true;
  const set = textsAt(container, 'cmd_override');
  return (
    command !== 'image' &&
    set !== undefined &&
    command.some((one) => one.length === set.length && one.every((part, index) => part === set[index]))
  );
}

function environmentFits(
  container: JsonObject | undefined,
  { environment, hostData }: ConfidentialSpaceEntry,
): boolean {
  if (isEmpty(memberOf(container, 'env_override'))) return true;
  const set = objectAt(container, 'env_override');
  if (!set) return false;
  return Object.entries(set).every(([name, value]) => {
    if (name === RUN_VARIABLE && hostData === 'manifest') return true;
    return environment !== 'image' && Object.hasOwn(environment, name) && environment[name] === value;
  });
}

function noteSoftware(checks: Checks, payload: JsonObject, entry: ConfidentialSpaceEntry): void {
  checks.check(
    'software',
    'technology',
    textAt(payload, 'swname') === 'CONFIDENTIAL_SPACE',
    'the VM runs Confidential Space, not any image',
  );
  const versions = textsAt(payload, 'swversion') ?? [];
  const recent =
    versions.length > 0 &&
    versions.every((one) => /^[0-9]{1,8}$/.test(one) && Number(one) >= entry.minimumSoftware);
  checks.check('version', 'tcb', recent, 'its image is at or above the lowest version that the entry names');
  const space = objectAt(objectAt(payload, 'submods'), 'confidential_space');
  const attributes = textsAt(space, 'support_attributes') ?? [];
  checks.check(
    'support',
    'tcb',
    entry.support.every((one) => attributes.includes(one)),
    'Google says of its image what the entry wants',
  );
  const model = textAt(payload, 'hwmodel');
  const known: readonly string[] = entry.hardware;
  checks.check(
    'hardware',
    'technology',
    model !== undefined && known.includes(model),
    'the hardware is of a kind that the entry names',
  );
  const secure = flagAt(payload, 'secboot') === true;
  checks.check('secure-boot', 'configuration', secure, 'the VM was started with secure boot');
}

export function appraiseConfidentialSpace(
  claims: ConfidentialSpaceClaims,
  entry: ConfidentialSpaceEntry,
): readonly Check[] {
  const checks = collectChecks('gcp-confidential-space');
  const { payload } = claims;
  const submods = objectAt(payload, 'submods');
  const container = objectAt(submods, 'container');
  checks.check('debug', 'debug', !claims.debug, 'its image has allowed no debugging since it booted');
  noteSoftware(checks, payload, entry);
  const image = entry.image.includes(textAt(container, 'image_digest') ?? '');
  checks.check('image', 'code', image, 'the container’s image is one that the entry names');
  const audience = entry.audience.includes(textAt(payload, 'aud') ?? '');
  checks.check('audience', 'configuration', audience, 'the token is for an audience that the entry names');
  const one = nonceOf(payload) !== undefined;
  checks.check('nonce', 'freshness', one, 'the token was made for exactly one nonce');
  const project = textAt(objectAt(submods, 'gce'), 'project_id') ?? '';
  const known = 'any' in entry.projects || entry.projects.includes(project);
  checks.check('project', 'configuration', known, 'the VM is of a project that the entry names');
  const command = commandFits(container, entry.command);
  checks.check(
    'command',
    'configuration',
    command,
    'the command is the image’s own or one that the entry names',
  );
  const environment = environmentFits(container, entry);
  checks.check(
    'environment',
    'configuration',
    environment,
    'the environment is the image’s own or as the entry says',
  );
  return checks.list;
}
