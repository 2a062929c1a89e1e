export { sharedVectors } from './vectors.ts';
export { type WycheproofCase, wycheproofCases } from './wycheproof.ts';
