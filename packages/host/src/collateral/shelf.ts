// The folder as the store uses it: what is current, what an answer or a file brings once it is authenticated, and that nothing
// takes the place of something newer.
import { type CollateralFile, joinCollateral, readCollateral, type Roots } from '@sealroom/attest';
import { type Piece, readPieces } from '@sealroom/attest/supply';
import { refusal } from '../problem.ts';
import { type FolderLimits, openCollateralFolder } from './folder.ts';
import { createPieceIndex, type Held, type HeldPiece, isCurrent } from './pieces.ts';

const HOUR = 3_600_000;
/** How long a key set counts after it was fetched. */
export const KEY_SET_MS = 24 * HOUR;

export type Shelf = {
  /** By name, what may be used now. */
  current(): Promise<Map<string, HeldPiece>>;
  /** Authenticates files beside what is current; of several with one name the last. @throws attest/… naming the file */
  read(files: readonly CollateralFile[]): Promise<Piece[]>;
  /** @throws collateral/older · collateral/busy */
  keep(pieces: readonly Piece[]): Promise<void>;
  list(): Promise<Held>;
  /** By name, the newest of all, whether it counts or not. */
  newest(): Promise<Map<string, HeldPiece>>;
};

function newestByName(held: readonly HeldPiece[]): Map<string, HeldPiece> {
  const found = new Map<string, HeldPiece>();
  for (const one of held) {
    const other = found.get(one.name);
    if (!other || other.piece.made < one.piece.made) found.set(one.name, one);
  }
  return found;
}

/** Of several pieces with one name the one made last. */
function lastMade(pieces: readonly Piece[]): Piece[] {
  const found = new Map<string, Piece>();
  for (const piece of pieces)
    if ((found.get(piece.name)?.made ?? Number.NEGATIVE_INFINITY) < piece.made) found.set(piece.name, piece);
  return [...found.values()];
}

export async function openShelf(
  path: string,
  { roots, clock, limits }: { roots: Roots; clock: () => number; limits?: FolderLimits | undefined },
): Promise<Shelf> {
  const folder = await openCollateralFolder(path, limits);
  const index = createPieceIndex(folder, { roots, keySetMs: KEY_SET_MS });
  const list = () => index.look(clock());
  const newest = async () => newestByName((await list()).good);
  const current = async () => {
    const { good } = await list();
    const at = clock();
    return newestByName(good.filter(({ piece }) => isCurrent(piece, at)));
  };
  return {
    list,
    newest,
    current,
    async read(files) {
      const held = [...(await current()).values()];
      const beside = joinCollateral(
        ...held.map(({ file, piece }) => readCollateral([{ name: file, bytes: piece.bytes }])),
      );
      return lastMade(await readPieces(files, { roots, at: clock(), beside }));
    },
    async keep(pieces) {
      const refuseOlder = async (): Promise<void> => {
        const held = await newest();
        for (const { name, kind, made, subject } of pieces) {
          const other = held.get(name)?.piece.made ?? made;
          // A key set is dated by this machine's clock: one from the future came while that was wrong.
          const misdated = kind === 'key-set' && other > clock();
          if (other > made && !misdated)
            throw refusal('collateral/older', `${subject}: a newer one is kept already; nothing was taken.`);
        }
      };
      index.forget(await folder.put(pieces, clock(), refuseOlder));
    },
  };
}
