export {
  type Attempt,
  type Bounds,
  type Cheat,
  CHEATS,
  type CheatName,
  type CheatTable,
  type PlayedTechnology,
} from './cheats.ts';
export { playAzureCvm } from './azure-cvm.ts';
export { playMaaContainer, playMaaGuest } from './azure-maa.ts';
export { playSpaceChain, playSpacePublished } from './confidential-space.ts';
export { playSgx } from './sgx.ts';
export { playTpm } from './tpm.ts';
