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
