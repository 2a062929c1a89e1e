export { sharedVectors } from './vectors.ts';
