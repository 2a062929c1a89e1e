// Who signed a result of NVIDIA's attestation service: the overall token and each device's, ES384, all under one key: of the
// service's key set, pinned, or certified under the pinned authorities. The overall token must hold the digest of each
// device's token and of no other, and all must be of one issuer, one nonce and of their time.
import { type Bytes, hexEncode, type Json, type JsonObject, sha256, utf8Encode } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { boundBytes, displayed, memberOf, objectAt, textAt } from '../jwt/claims.ts';
import { offeredKeys } from '../jwt/key-set.ts';
import type { Jwt } from '../jwt/parse.ts';
import { chainKey, findKeys, noteIssuer, noteSignature, noteTimes, tokenWindow } from '../jwt/verify.ts';
import type { Claims, CollateralUse, Context, Verified } from '../types.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { NrasEntry } from './entry.ts';
import type { NrasResult } from './parse.ts';

export type NrasClaims = Claims & {
  readonly overall: JsonObject;
  readonly devices: readonly (readonly [name: string, payload: JsonObject])[];
};

export const ISSUER = 'https://nras.attestation.nvidia.com';
const LONGEST_SECONDS = 86_400;

type Found = {
  readonly keys: readonly { readonly spki: Bytes }[];
  readonly used: readonly CollateralUse[];
  readonly trusted: boolean;
};

/** The chain that came with the token, or with the key that it names in some key set. */
async function certificatesOf({ x5c, kid }: Jwt, context: Context): Promise<readonly Certificate[]> {
  if (x5c.length > 0) return x5c;
  const offered = [
    ...(context.keySets ?? []).flatMap((set) => set.keys),
    ...(await offeredKeys(context.collateral.documents)),
  ];
  return offered.find((key) => key.kid === kid && key.x5c.length > 0)?.x5c ?? [];
}

async function keysOf(
  checks: Checks,
  jwt: Jwt,
  { entry, context }: { entry: NrasEntry; context: Context },
): Promise<Found> {
  const { keys: rule, revocation } = entry;
  if (rule !== 'chain') {
    const found = await findKeys(checks, jwt.kid, { rule, issuer: ISSUER, context, revocation });
    return { ...found, trusted: found.keys.length > 0 };
  }
  // The anchors are authorities under a root that NVIDIA does not publish, so that their own dates count.
  const anchors = (context.roots['nvidia-nras'] ?? []).filter(
    ({ notBefore, notAfter }) => notBefore <= context.at && context.at <= notAfter,
  );
  const certificates = await certificatesOf(jwt, context);
  const { key, used, trusted } = await chainKey(checks, certificates, { anchors, context, revocation });
  return { keys: key ? [key] : [], used, trusted };
}

/** `["DIGEST", ["SHA-256", hex]]` for each device, and no device more or less. */
async function noteDigests(checks: Checks, { overall, devices }: NrasResult): Promise<boolean> {
  const submods = objectAt(overall.payload, 'submods') ?? {};
  let good = Object.keys(submods).length === devices.size;
  for (const [name, { text }] of devices) {
    const outer = memberOf(submods, name);
    const [kind, inner, ...rest] = Array.isArray(outer) ? (outer as readonly Json[]) : [];
    const [hash, digest, ...more] = Array.isArray(inner) ? (inner as readonly Json[]) : [];
    const wanted = hexEncode(await sha256(utf8Encode(text)));
    good &&= kind === 'DIGEST' && hash === 'SHA-256' && digest === wanted && rest.length + more.length === 0;
  }
  return checks.check(
    'submods',
    'authentic',
    good,
    'the overall token holds the digest of each device’s token and of no other',
  );
}

async function noteDevices(
  checks: Checks,
  { overall, devices }: NrasResult,
  { keys, entry, at }: { keys: Found['keys']; entry: NrasEntry; at: number },
): Promise<boolean> {
  let good = await noteDigests(checks, { overall, devices });
  for (const [name, jwt] of devices) {
    const what = `${name.toLowerCase()}/`;
    const results = [
      checks.check(`${what}key`, 'authentic', jwt.kid === overall.kid, `${name}: one key signed all tokens`),
      await noteSignature(checks, jwt, { keys, algorithm: 'ES384', what }),
      noteIssuer(checks, jwt, ISSUER, what),
      noteTimes(checks, jwt, { at, longest: LONGEST_SECONDS, maxAgeSeconds: entry.maxAgeSeconds, what }),
    ];
    good &&= results.every(Boolean);
  }
  return good;
}

function claimsOf({ overall, devices }: NrasResult): NrasClaims {
  const list = [...devices].map(([name, { payload }]) => [name, payload] as const);
  const platforms = list.map(([name, one]) => `nvidia-nras:gpu:${textAt(one, 'ueid') ?? `unknown ${name}`}`);
  const versions = list.map(([name, one]) => {
    const words = ['hwmodel', 'x-nvidia-gpu-driver-version', 'x-nvidia-gpu-vbios-version'];
    return [name, ...words.map((word) => textAt(one, word) ?? 'unknown')].join(' ');
  });
  return {
    technology: 'nvidia-nras',
    hardware: true,
    debug: list.some(([, one]) => textAt(one, 'dbgstat') !== 'disabled'),
    launch: versions.join('; '),
    hostData: undefined,
    reportData: boundBytes(textAt(overall.payload, 'eat_nonce')?.toLowerCase()),
    platform: platforms[0] ?? '',
    otherPlatforms: platforms.slice(1),
    signed: Object.assign(
      displayed(overall.payload),
      ...list.map(([name, one]) => displayed(one, `${name}.`)),
    ) as Claims['signed'],
    overall: overall.payload,
    devices: list,
  };
}

/** Never throws for bad evidence. */
export async function verifyNras(
  result: NrasResult,
  entry: NrasEntry,
  context: Context,
): Promise<Verified<NrasClaims>> {
  const checks = collectChecks('nvidia-nras');
  const { overall } = result;
  const issued = noteIssuer(checks, overall, ISSUER);
  const { keys, used, trusted } = await keysOf(checks, overall, { entry, context });
  const signed = await noteSignature(checks, overall, { keys, algorithm: 'ES384' });
  const { at } = context;
  const { maxAgeSeconds } = entry;
  const timely = noteTimes(checks, overall, { at, longest: LONGEST_SECONDS, maxAgeSeconds });
  const devices = await noteDevices(checks, result, { keys, entry, at });
  const authentic = issued && trusted && signed && timely && devices;
  if (!authentic) return { checks: checks.list, claims: undefined, used };
  const window = tokenWindow(overall, ...result.devices.values());
  return { checks: checks.list, claims: claimsOf(result), used, window };
}
