export { openBkencFile, openBkencFolder, type OpenBkencOptions } from './bkenc.ts';
export { nodeSegmentCipher } from './cipher.ts';
export { SealingError, type SealingErrorCode } from './error.ts';
export { type FileOptions, type OnProgress, openFile, sealFile, type SealingProgress } from './file.ts';
export {
  openFolder,
  type OpenFolderOptions,
  readSealedFolder,
  type SealedFolderFile,
} from './open-folder.ts';
export type { FilePlace } from './job.ts';
export { SegmentPool } from './pool.ts';
export { type SealedVersion, sealFolder, type SealFolderOptions } from './seal-folder.ts';
