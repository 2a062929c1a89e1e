// Who signed a Nitro document: the certificate in it, which must lead over cabundle, in its order, to the pinned root of AWS, at
// the time the document was made and at the verifier's, and must name the enclave that the document names. Certificates that
// live two days at most have no list to be revoked by (docs/decisions/097): AWS issues the instance's for one day and the
// enclave's for three hours.
import { bytesEqual, hexEncode } from '@sealroom/bytes';
import { type Checks, collectChecks, noteChain, noteRevocation, usedCertificates } from '../checks.ts';
import type { Claims, CollateralUse, Context, Verified } from '../types.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { timeText, verifyChain } from '../x509/chain.ts';
import { curveOf, hasSigned } from '../x509/signature.ts';
import type { NitroEntry } from './entry.ts';
import type { NitroDocument } from './parse.ts';

const AHEAD_MS = 60_000;
const SHORT_LIVED_MS = 48 * 3_600_000;

export const ZEROS = '00'.repeat(48);

export function pcrText({ pcrs }: NitroDocument, index: number): string | undefined {
  const pcr = pcrs.get(index);
  return pcr && hexEncode(pcr);
}

function noteTimes(checks: Checks, timestamp: number, path: readonly Certificate[], at: number): boolean {
  const then = path
    .slice(0, -1)
    .every(({ notBefore, notAfter }) => notBefore <= timestamp && timestamp <= notAfter);
  const made = checks.check(
    'document-time',
    'authentic',
    then,
    `the certificates were valid when the document was made (${timeText(timestamp)})`,
  );
  const past = timestamp <= at + AHEAD_MS;
  return checks.check('not-yet-valid', 'authentic', past, 'the document is not from the future') && made;
}

/** Whether the path is the leaf and cabundle backwards, nothing left out and nothing else used. */
function isBundle({ certificate, cabundle }: NitroDocument, path: readonly Certificate[]): boolean {
  const wanted = [certificate, ...cabundle.toReversed()];
  return (
    path.length === wanted.length &&
    path.every((one, index) => {
      const other = wanted[index];
      // The anchor is compared by name and key, as chain.ts trusts it.
      return (
        other !== undefined && bytesEqual(one.spki, other.spki) && bytesEqual(one.subject, other.subject)
      );
    })
  );
}

async function hasSignature({ certificate: { spki }, signed, signature }: NitroDocument): Promise<boolean> {
  if (curveOf(spki)?.curve !== 'P-384') return false;
  return hasSigned(spki, { kind: 'ECDSA', hash: 'SHA-384' }, { message: signed, signature });
}

async function noteNitroRevocation(
  checks: Checks,
  path: readonly Certificate[],
  { entry, context }: { entry: NitroEntry; context: Context },
): Promise<CollateralUse[]> {
  const first = path.findIndex(({ notBefore, notAfter }) => notAfter - notBefore > SHORT_LIVED_MS);
  const { crls } = context.collateral;
  if (first > 0)
    checks.check(
      'revocation/short-lived',
      'revocation',
      true,
      'certificates that live two days at most have no list to be revoked by',
    );
  return noteRevocation(checks, path.slice(Math.max(0, first)), {
    crls,
    at: context.at,
    policy: entry.revocation,
  });
}

function claimsOf(document: NitroDocument): Claims {
  const { moduleId, timestamp, pcrs, publicKey, userData, nonce } = document;
  const launch = [0, 1, 2].map((index) => `pcr${index}:${pcrText(document, index) ?? 'absent'}`);
  const registers = Object.fromEntries([...pcrs].map(([index, pcr]) => [`pcr${index}`, hexEncode(pcr)]));
  const optional = Object.entries({ public_key: publicKey, user_data: userData, nonce }).flatMap(
    ([name, bytes]) => (bytes ? [[name, hexEncode(bytes)] as const] : []),
  );
  return {
    technology: 'aws-nitro',
    hardware: true,
    debug: [0, 1, 2].some((index) => (pcrText(document, index) ?? ZEROS) === ZEROS),
    launch: launch.join(' '),
    hostData: undefined,
    reportData: userData ?? new Uint8Array(32),
    platform: `aws-nitro:module:${moduleId}`,
    signed: {
      module_id: moduleId,
      timestamp,
      time: timeText(timestamp),
      ...registers,
      ...Object.fromEntries(optional),
    },
  };
}

/** Never throws for bad evidence. */
export async function verifyNitro(
  document: NitroDocument,
  entry: NitroEntry,
  context: Context,
): Promise<Verified> {
  const checks = collectChecks('aws-nitro');
  const { certificate, cabundle, timestamp, moduleId } = document;
  const anchors = context.roots.aws ?? [];
  const chain = await verifyChain(certificate, { intermediates: cabundle, anchors, at: context.at });
  const trusted = noteChain(checks, chain);
  const ordered = checks.check(
    'cabundle',
    'authentic',
    isBundle(document, chain.path),
    'cabundle leads from the root to the leaf’s issuer, in this order',
  );
  const leaf = checks.check(
    'leaf',
    'authentic',
    !certificate.ca &&
      certificate.keyUsage?.digitalSignature !== false &&
      certificate.subjectNames.get(NAME.commonName)?.split('.')[0] === moduleId,
    'the signing certificate is no authority and is the enclave’s that the document names',
  );
  const signed = checks.check(
    'signature',
    'authentic',
    await hasSignature(document),
    'the certificate in the document signed it',
  );
  const timely = noteTimes(checks, timestamp, chain.path, context.at);
  checks.check(
    'age',
    'freshness',
    context.at - timestamp <= entry.maxAgeSeconds * 1000,
    `the document is at most ${entry.maxAgeSeconds} s old`,
  );
  const used = await usedCertificates(chain.path);
  if (trusted) used.push(...(await noteNitroRevocation(checks, chain.path, { entry, context })));
  const authentic = trusted && ordered && leaf && signed && timely;
  return { checks: checks.list, claims: authentic ? claimsOf(document) : undefined, used };
}
