export { guardedLookup, hostOf, isPublicAddress } from './addresses.ts';
export { containerUrl } from './blob-path.ts';
export {
  type BlobBody,
  type BlobContent,
  type BlobStore,
  type ByteRange,
  type Fetch,
  fetchBlob,
  isAzureUrl,
  openContainer,
  type PutOptions,
} from './blobs.ts';
export { loadConfig, type LoadConfigOptions } from './config.ts';
export {
  type Database,
  inTransaction,
  migrate,
  openDatabase,
  type OpenDatabaseOptions,
  pingDatabase,
} from './database.ts';
export { fileStoreRoutes, type FileStoreOptions, type Permissions, signContainerUrl } from './file-store.ts';
export { ensureDirectory, lockDirectory, readSecretFile, syncDirectory, writeFileAtomic } from './files.ts';
export {
  allowTime,
  type App,
  type AppContext,
  type AppEnv,
  type Checks,
  checkInput,
  readBytes,
  readJson,
  serverApp,
  type ServerAppOptions,
} from './http.ts';
export { onStop, readyLine, stopWithParent } from './lifecycle.ts';
export { createLog, type Log, type LogEvents, type LogValue, redactUrl } from './log.ts';
export { type RunningPostgres, startPostgres, type StartPostgresOptions } from './postgres.ts';
export { findPostgres, type PostgresBinaries } from './postgres-binaries.ts';
export {
  codeOf,
  type HostCode,
  type Problem,
  problemOf,
  problemResponse,
  Refusal,
  type RefusalOptions,
  type StatusOf,
} from './problem.ts';
export { isAlive, killGroup, type ProcessName, processName } from './processes.ts';
export { type Call, type Handler, mount, openApiDocument } from './routes.ts';
export { type RunningServer, startServer, type StartServerOptions } from './server.ts';
export {
  checkStoreUrl,
  storeAddresses,
  storeFetch,
  type StoreOrigin,
  type StoreUrlOptions,
} from './store-url.ts';
export {
  certificatePin,
  type CertificatePair,
  createAuthority,
  issueCertificate,
  LOOPBACK_HOSTS,
} from './tls.ts';
export { type TlsFetch, tlsFetch, type TlsFetchOptions } from './tls-fetch.ts';
export { GATE_CODE_HEADER, isGateCode } from './tunnel.ts';
