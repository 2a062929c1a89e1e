export { type Authenticate, call, type CallInput, type Fetch, type Service } from './call.ts';
export { ClientError, type ClientErrorCode } from './error.ts';
