// Under whose pinned root a certificate of collateral stands.
import { bytesEqual } from '@sealroom/bytes';
import type { Collateral } from '../collateral.ts';
import { VENDORS, type Roots, type Vendor } from '../roots/roots.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { verifyChain } from '../x509/chain.ts';
import { type PieceWorld, refusePiece, refuseTime } from './piece.ts';

export function commonName({ subjectNames }: Certificate): string {
  return subjectNames.get(NAME.commonName)?.slice(0, 80) ?? 'a certificate without a common name';
}

export function isPinned(certificate: Certificate, roots: Roots): boolean {
  return VENDORS.some((vendor) =>
    (roots[vendor] ?? []).some((anchor) => bytesEqual(anchor.der, certificate.der)),
  );
}

/** A certificate that may have issued others, with its vendor where it is an anchor. */
export type Issuer = { readonly issuer: Certificate; readonly vendor: Vendor | undefined };

/** Anchors first, then what else is there. */
export function issuersIn(all: Collateral, roots: Roots): Issuer[] {
  const anchors = VENDORS.flatMap((vendor) => (roots[vendor] ?? []).map((issuer) => ({ issuer, vendor })));
  const between = all.certificates.filter((issuer) => !isPinned(issuer, roots));
  return [...anchors, ...between.map((issuer) => ({ issuer, vendor: undefined }))];
}

/** The first vendor under whose roots the certificate stands, by a path on which everything is right. */
export async function vendorPath(certificate: Certificate, all: Collateral, { roots, at }: PieceWorld) {
  let dated = false;
  for (const vendor of VENDORS) {
    const anchors = roots[vendor] ?? [];
    if (anchors.length === 0) continue;
    const { path, problems } = await verifyChain(certificate, {
      intermediates: all.certificates,
      anchors,
      at,
    });
    if (problems.length === 0) return { vendor, path };
    dated ||= problems.every(({ code }) => code === 'expired' || code === 'not-yet-valid');
  }
  const name = JSON.stringify(commonName(certificate));
  if (dated) throw refuseTime(`${name}, or a certificate above it, is not valid at this time.`);
  throw refusePiece(
    `${name} does not lead to a vendor's root that is pinned here; add the certificates between it and the root.`,
  );
}
