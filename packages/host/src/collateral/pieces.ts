// The pieces in a folder as this process knows them: each file is read once, held against the digest in its name and
// authenticated anew, and its window is kept. What other processes add is found by listing again. A file that is not what its
// name says, or not genuine, counts as none.
import {
  AttestError,
  type Collateral,
  joinCollateral,
  NO_COLLATERAL,
  readCollateral,
  type Roots,
} from '@sealroom/attest';
import { keySetPiece, type Piece, readPieces } from '@sealroom/attest/supply';
import { type Bytes, utf8Decode } from '@sealroom/bytes';
import type { CollateralFolder, KeptFile } from './folder.ts';

export type HeldPiece = KeptFile & { readonly piece: Piece };
/** A file that cannot be used, and why. */
export type BadFile = KeptFile & { readonly code: string; readonly judgedAt: number };
export type Held = { readonly good: readonly HeldPiece[]; readonly bad: readonly BadFile[] };

export type PieceIndex = {
  /** What the folder holds now. @param at milliseconds since 1970 */
  look(at: number): Promise<Held>;
  /** These files were written anew. */
  forget(files: readonly KeptFile[]): void;
};

const KEY_SET = 'key-set_';

/** Whose key set a file is; undefined for all else. */
export function issuerOf({ name }: KeptFile): string | undefined {
  return name.startsWith(KEY_SET) ? `https://${name.slice(KEY_SET.length)}` : undefined;
}

const AGAIN_MS = 3_600_000;

function tolerant({ file }: KeptFile, bytes: Bytes): Collateral {
  try {
    return readCollateral([{ name: file, bytes }]);
  } catch (error) {
    if (error instanceof AttestError) return NO_COLLATERAL;
    throw error;
  }
}

/** Whether a piece may be used at this time. */
export function isCurrent({ notBefore, notAfter }: Piece, at: number): boolean {
  return notBefore <= at && at < notAfter;
}

export function createPieceIndex(
  folder: CollateralFolder,
  { roots, keySetMs }: { readonly roots: Roots; readonly keySetMs: number },
): PieceIndex {
  const known = new Map<string, HeldPiece | BadFile>();

  const judge = async (kept: KeptFile, bytes: Bytes, { beside, at }: { beside: Collateral; at: number }) => {
    const issuer = issuerOf(kept);
    if (issuer !== undefined) {
      const { name, fetchedAt, vouchedUntil } = kept;
      return keySetPiece(utf8Decode(bytes), { name, issuer, fetchedAt, keptFor: keySetMs, vouchedUntil });
    }
    const pieces = await readPieces([{ name: kept.file, bytes }], { roots, at, beside });
    return pieces.find(({ name }) => name === kept.name);
  };

  const read = async (fresh: readonly KeptFile[], at: number): Promise<void> => {
    const contents: { readonly kept: KeptFile; readonly bytes: Bytes }[] = [];
    for (const { file, name, fetchedAt, sha256, form, vouchedUntil } of fresh) {
      const kept = { file, name, fetchedAt, sha256, form, vouchedUntil };
      const bytes = await folder.read(kept);
      if (bytes) contents.push({ kept, bytes });
      else known.set(kept.file, { ...kept, code: 'collateral/damaged', judgedAt: at });
    }
    const old = [...known.values()].flatMap((one) =>
      'piece' in one ? [tolerant(one, one.piece.bytes)] : [],
    );
    const beside = joinCollateral(...old, ...contents.map(({ kept, bytes }) => tolerant(kept, bytes)));
    for (const { kept, bytes } of contents) {
      try {
        const piece = await judge(kept, bytes, { beside, at });
        known.set(
          kept.file,
          piece ? { ...kept, piece } : { ...kept, code: 'collateral/misnamed', judgedAt: at },
        );
      } catch (error) {
        if (!(error instanceof Error) || !('code' in error)) throw error;
        known.set(kept.file, { ...kept, code: String(error.code), judgedAt: at });
      }
    }
  };

  let looking: Promise<unknown> = Promise.resolve();
  const look = async (at: number): Promise<Held> => {
    const files = await folder.list();
    const there = new Set(files.map(({ file }) => file));
    for (const file of known.keys()) if (!there.has(file)) known.delete(file);
    const fresh = files.filter(({ file }) => !known.has(file));
    // What was bad may have lacked a certificate that has come since, or a clock that was right.
    const again = [...known.values()].filter(
      (one) => 'code' in one && (fresh.length > 0 || Math.abs(at - one.judgedAt) >= AGAIN_MS),
    );
    if (fresh.length + again.length > 0) await read([...fresh, ...again], at);
    const all = [...known.values()];
    return {
      good: all.filter((one) => 'piece' in one),
      bad: all.filter((one) => 'code' in one),
    };
  };
  return {
    forget(files) {
      for (const { file } of files) known.delete(file);
    },
    look(at) {
      const turn = looking.then(() => look(at));
      looking = turn.catch(() => undefined);
      return turn;
    },
  };
}
