export type { BadFile, Held, HeldPiece } from './pieces.ts';
export {
  type Services,
  serviceSettings,
  type ServiceSettings,
  servicesOf,
  VENDOR_SERVICES,
} from './services.ts';
export {
  type CollateralOptions,
  type CollateralStore,
  type Gathered,
  openCollateralStore,
  type Unmet,
  type Vouched,
} from './store.ts';
