// Who signed a Confidential Space token: RS256, by the leaf of a chain of three under Google's pinned root, whose key the header
// names by its thumbprint (PKI tokens), or by a key of Google's set (OIDC tokens), as the entry says.
import { type Bytes, bytesEqual, hexDecode, type JsonObject } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { boundBytes, displayed, objectAt, textAt, textsAt } from '../jwt/claims.ts';
import { thumbprintOf } from '../jwt/key-set.ts';
import type { Jwt } from '../jwt/parse.ts';
import { chainKey, findKeys, noteIssuer, noteSignature, noteTimes, tokenWindow } from '../jwt/verify.ts';
import type { Claims, CollateralUse, Context, Verified } from '../types.ts';
import { curveOf } from '../x509/signature.ts';
import { type ConfidentialSpaceEntry, RUN_VARIABLE } from './entry.ts';
import { type ConfidentialSpaceToken, ISSUER } from './parse.ts';

export type ConfidentialSpaceClaims = Claims & { readonly payload: JsonObject };

const LONGEST_SECONDS = 3600;
const CHAIN = 3;
const NOTHING = new Uint8Array();

type Keys = { readonly keys: readonly { readonly spki: Bytes }[]; readonly used: readonly CollateralUse[] };

/** Whether a header names this key. The key is anybody's as yet, and may be none at all. */
async function isNamed(spki: Bytes, kid: string | undefined): Promise<boolean> {
  try {
    return curveOf(spki) === undefined && (await thumbprintOf('RSA', spki)) === kid;
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

async function keysOf(
  checks: Checks,
  jwt: Jwt,
  { entry, context }: { entry: ConfidentialSpaceEntry; context: Context },
): Promise<Keys & { readonly trusted: boolean }> {
  const { keys: rule, revocation } = entry;
  if (rule !== 'chain') {
    const found = await findKeys(checks, jwt.kid, { rule, issuer: ISSUER, context, revocation });
    return { ...found, trusted: found.keys.length > 0 };
  }
  const anchors = context.roots['google-confidential-space'] ?? [];
  const { key, path, used, trusted } = await chainKey(checks, jwt.x5c, { anchors, context, revocation });
  const whole = checks.check(
    'chain/whole',
    'authentic',
    jwt.x5c.length === CHAIN &&
      path.length === CHAIN &&
      jwt.x5c.every(({ der }, index) => bytesEqual(der, path[index]?.der ?? NOTHING)),
    'the token brings leaf, intermediate and the pinned root, each signed by the next',
  );
  const named = key !== undefined && (await isNamed(key.spki, jwt.kid));
  checks.check('chain/kid', 'authentic', named, 'the header names the key of the first certificate');
  return { keys: key ? [key] : [], used, trusted: whole && trusted && named };
}

/** One nonce, as a text or a list of it; a token that binds several binds none for us (docs/decisions/098). */
export function nonceOf(payload: JsonObject): string | undefined {
  const list = textsAt(payload, 'eat_nonce');
  return list ? (list.length === 1 ? list[0] : undefined) : textAt(payload, 'eat_nonce');
}

function claimsOf(payload: JsonObject): ConfidentialSpaceClaims {
  const submods = objectAt(payload, 'submods');
  const container = objectAt(submods, 'container');
  const gce = objectAt(submods, 'gce');
  const run = textAt(objectAt(container, 'env_override'), RUN_VARIABLE);
  const place = ['project_number', 'zone', 'instance_id'].map((name) => textAt(gce, name) ?? '');
  return {
    technology: 'gcp-confidential-space',
    hardware: true,
    debug: textAt(payload, 'dbgstat') !== 'disabled-since-boot',
    launch: textAt(container, 'image_digest') ?? '',
    hostData: run !== undefined && /^[0-9a-f]{64}$/.test(run) ? hexDecode(run) : undefined,
    reportData: boundBytes(nonceOf(payload)),
    platform: `gcp-confidential-space:instance:${place.join('/')}`,
    signed: displayed(payload),
    payload,
  };
}

/** Never throws for bad evidence. */
export async function verifyConfidentialSpace(
  { jwt }: ConfidentialSpaceToken,
  entry: ConfidentialSpaceEntry,
  context: Context,
): Promise<Verified<ConfidentialSpaceClaims>> {
  const checks = collectChecks('gcp-confidential-space');
  const issued = noteIssuer(checks, jwt, ISSUER);
  const { keys, used, trusted } = await keysOf(checks, jwt, { entry, context });
  const signed = await noteSignature(checks, jwt, { keys, algorithm: 'RS256' });
  const timely = noteTimes(checks, jwt, {
    at: context.at,
    longest: LONGEST_SECONDS,
    maxAgeSeconds: entry.maxAgeSeconds,
  });
  const authentic = issued && trusted && signed && timely;
  if (!authentic) return { checks: checks.list, claims: undefined, used };
  return { checks: checks.list, claims: claimsOf(jwt.payload), used, window: tokenWindow(jwt) };
}
