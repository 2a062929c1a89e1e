export {
  ARTIFACT_KINDS,
  type ArtifactShape,
  type Details,
  hubRoutes,
  type NodeShape,
  type OrganisationShape,
  type ProjectShape,
  RUN_OUTCOMES,
  RUN_STATUSES,
  type RunConfigurationShape,
  type RunShape,
  type Work,
  work,
} from './hub-routes.ts';
export { ledgerRoutes } from './ledger-routes.ts';
export { recordStatus } from './record-status.ts';
export type {
  Method,
  Route,
  RouteBody,
  RouteBodyInput,
  RouteParams,
  RouteParamsInput,
  RouteQuery,
  RouteQueryInput,
  RouteResponse,
  RouteResponseInput,
} from './route.ts';
export { placed, recorded } from './shapes.ts';
export { vaultRoutes } from './vault-routes.ts';
