// What vendors publish, piece by piece, each told apart by its content, authenticated under the pinned roots at the time given
// and named by the need that it answers: what can be kept in a folder and given out again until it ends. What is none of
// these, or is not genuine, or not of its time, is refused with its file's name.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { type Collateral, type CollateralFile, joinCollateral, readCollateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { intelCollateral } from '../intel/collateral.ts';
import { identityPiece, tcbInfoPiece } from '../intel/pieces.ts';
import { parseManifest } from '../nvidia-gpu/manifest.ts';
import { manifestPiece } from '../nvidia-gpu/pieces.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, crlProblem } from '../x509/crl.ts';
import { type OcspResponse, parseOcspResponse } from '../x509/ocsp.ts';
import { certificateName, crlNames } from './names.ts';
import { ocspPieces } from './ocsp-pieces.ts';
import { commonName, isPinned, issuersIn, vendorPath } from './paths.ts';
import {
  nameOfImported,
  type Piece,
  type PieceWorld,
  refusePiece,
  refuseTime,
  sharedWindow,
  shortDigest,
} from './piece.ts';

async function certificatePiece(
  certificate: Certificate,
  all: Collateral,
  world: PieceWorld,
): Promise<Piece | undefined> {
  if (isPinned(certificate, world.roots)) return undefined;
  const { vendor, path } = await vendorPath(certificate, all, world);
  return {
    ...(certificateName(vendor, certificate) ?? {
      name: nameOfImported('certificate', vendor, await shortDigest(certificate.der)),
    }),
    kind: 'certificate',
    subject: commonName(certificate),
    form: 'der',
    bytes: certificate.der,
    // The anchor's own dates do not matter, as on every path.
    ...sharedWindow(path.slice(0, -1)),
    made: certificate.notBefore,
  };
}

const CRL_WORDS: Readonly<Record<string, string>> = {
  stale: 'has ended',
  future: 'is from the future',
  'no-next-update': 'does not say when it ends',
  'critical-extension': 'has an extension that is not understood',
  'key-usage': 'is of an issuer that may not sign lists',
  signature: 'is not signed by the issuer that it names',
};

async function crlPieces(crl: Crl, all: Collateral, world: PieceWorld): Promise<Piece[]> {
  const { roots, at } = world;
  const candidates = issuersIn(all, roots).filter(({ issuer }) => bytesEqual(issuer.subject, crl.issuer));
  let fault: string | undefined;
  for (const { issuer, vendor } of candidates) {
    const problem = await crlProblem(crl, issuer, at);
    if (problem) {
      fault = problem;
      continue;
    }
    const path = vendor ? { vendor, path: [issuer] } : await vendorPath(issuer, all, world);
    const own = { notBefore: crl.thisUpdate, notAfter: crl.nextUpdate ?? crl.thisUpdate };
    const names = crlNames(path.vendor, issuer);
    const fallback = [nameOfImported('crl', path.vendor, await shortDigest(issuer.spki))];
    return (names.length > 0 ? names : fallback).map((name) => ({
      name,
      kind: 'crl',
      subject: `revoked by ${commonName(issuer)}`,
      form: 'der',
      bytes: crl.der,
      ...sharedWindow([own, ...path.path.slice(0, -1)]),
      made: crl.thisUpdate,
    }));
  }
  const words = `The revocation list ${fault === undefined ? 'is of an issuer that is not known here; add the certificate of its issuer' : CRL_WORDS[fault]}.`;
  throw fault === 'stale' || fault === 'future' ? refuseTime(words) : refusePiece(words);
}

const NOTHING_KNOWN =
  'It is no certificate, revocation list, answer on revocation, TCB info, identity or reference manifest of a vendor known here (a key set, which nothing signs, is vouched for by its issuer’s name: --keys).';

/** Bytes that are nothing else must be the response of an OCSP responder, and one that tells of success. */
function answerIn(bytes: Bytes): OcspResponse {
  try {
    return parseOcspResponse(bytes);
  } catch (cause) {
    if (cause instanceof AttestError)
      throw new AttestError('attest/bad-collateral', NOTHING_KNOWN, { cause });
    throw cause;
  }
}

/** Everything in one file, as far as its form goes. @throws attest/bad-collateral for a file with nothing of use in it */
function contentOf(file: CollateralFile) {
  const sorted = readCollateral([file]);
  const intel = intelCollateral({ ...NOTHING, documents: sorted.documents });
  const manifests = sorted.documents.flatMap(({ text }) => parseManifest(text) ?? []);
  const found = {
    // The signer's own certificate is of no use but to its manifest.
    certificates: [
      ...sorted.certificates,
      ...intel.certificates,
      ...manifests.flatMap(({ certificates: [, ...above] }) => above),
    ],
    crls: [...sorted.crls, ...intel.crls],
    tcbInfos: intel.tcbInfos,
    qeIdentities: intel.qeIdentities,
    manifests,
    answers: sorted.others.map(({ bytes }) => answerIn(bytes)),
  };
  if (intel.unreadable > 0) throw refusePiece('It is no TCB info or identity of a form that is known here.');
  if (Object.values(found).every((list) => list.length === 0)) throw refusePiece(NOTHING_KNOWN);
  return found;
}

const NOTHING: Collateral = { certificates: [], crls: [], documents: [], others: [] };

function aboutFile(name: string, error: AttestError): AttestError {
  return new AttestError(error.code, `${JSON.stringify(name.slice(0, 200))}: ${error.message}`, {
    cause: error,
  });
}

async function inFile<T>(name: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof AttestError) throw aboutFile(name, error);
    throw error;
  }
}

/**
 * The pieces in these files, each authentic at `at`. Files may lean on one another (a list on its issuer's certificate), in any
 * order. A certificate that is pinned as a root gives no piece.
 * @throws attest/bad-collateral · attest/stale-collateral · attest/too-large · attest/malformed · attest/bad-certificate ·
 * attest/bad-crl · attest/bad-manifest, naming the file: then none of them is to be used
 */
export async function readPieces(files: readonly CollateralFile[], world: PieceWorld): Promise<Piece[]> {
  const contents = await Promise.all(
    files.map(async (file) => ({ name: file.name, ...(await inFile(file.name, () => contentOf(file))) })),
  );
  const given = contents.map(({ certificates, crls }) => ({ ...NOTHING, certificates, crls }));
  const all = joinCollateral(...given, world.beside);
  const pieces: Piece[] = [];
  for (const { name, certificates, crls, tcbInfos, qeIdentities, manifests, answers } of contents) {
    await inFile(name, async () => {
      for (const certificate of certificates) {
        const piece = await certificatePiece(certificate, all, world);
        if (piece) pieces.push(piece);
      }
      for (const crl of crls) pieces.push(...(await crlPieces(crl, all, world)));
      for (const response of answers) pieces.push(...(await ocspPieces(response, all, world)));
      for (const manifest of manifests) pieces.push(await manifestPiece(manifest, world));
      for (const info of tcbInfos) pieces.push(await tcbInfoPiece(info, all, world));
      for (const identity of qeIdentities) pieces.push(await identityPiece(identity, all, world));
    });
  }
  const unique = new Map(pieces.map((piece) => [`${piece.name} ${hexEncode(piece.bytes)}`, piece]));
  return [...unique.values()];
}
