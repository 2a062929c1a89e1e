// Google Confidential Space: a hardened VM image that runs one container, and a service that checks it and signs what it found.
import { objectAt, textAt, textsAt } from '../jwt/claims.ts';
import { tokenNeeds } from '../jwt/needs.ts';
import type { TechnologyOf } from '../technology.ts';
import { appraiseConfidentialSpace } from './appraise.ts';
import { type ConfidentialSpaceEntry, HARDWARE } from './entry.ts';
import { type ConfidentialSpaceToken, parseConfidentialSpace } from './parse.ts';
import { type ConfidentialSpaceClaims, verifyConfidentialSpace } from './verify.ts';

function looksLike(bytes: Uint8Array): boolean {
  try {
    parseConfidentialSpace(bytes);
    return true;
  } catch {
    return false;
  }
}

function listed(text: string | undefined, pattern: RegExp): string[] {
  return text !== undefined && pattern.test(text) ? [text] : [];
}

function pin({ jwt }: ConfidentialSpaceToken): ConfidentialSpaceEntry {
  const { payload, x5c } = jwt;
  const submods = objectAt(payload, 'submods');
  const version = Number(textsAt(payload, 'swversion')?.[0] ?? Number.NaN);
  return {
    technology: 'gcp-confidential-space',
    keys: x5c.length > 0 ? 'chain' : 'published',
    audience: listed(textAt(payload, 'aud'), /^.{1,512}$/s),
    image: listed(textAt(objectAt(submods, 'container'), 'image_digest'), /^sha256:[0-9a-f]{64}$/),
    hardware: HARDWARE.filter((one) => one === textAt(payload, 'hwmodel')),
    minimumSoftware: version >= 1 && version <= 99_999_999 ? version : 99_999_999,
    support: ['STABLE'],
    projects: listed(textAt(objectAt(submods, 'gce'), 'project_id'), /^.{1,512}$/s),
    command: 'image',
    environment: 'image',
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: { any: 'accepted' },
    runBinding: 'software',
  };
}

export const confidentialSpace: TechnologyOf<
  ConfidentialSpaceToken,
  ConfidentialSpaceClaims,
  ConfidentialSpaceEntry
> = {
  name: 'gcp-confidential-space',
  title: 'Google Confidential Space token',
  hardware: true,
  needs: ['revocation', 'freshness', 'tcb', 'technology', 'configuration'],
  detect: looksLike,
  parse: parseConfidentialSpace,
  verify: verifyConfidentialSpace,
  appraise: async (claims, entry) => appraiseConfidentialSpace(claims, entry),
  supplies: ({ jwt }) => tokenNeeds(jwt),
  vendors: ['google-confidential-space'],
  pin,
};
