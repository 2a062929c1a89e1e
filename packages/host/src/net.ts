// What a process needs that only fetches and has a certificate: a room loads this and not the servers and databases of
// index.ts, which take it a quarter of a second at every run.
export { containerUrl } from './blob-path.ts';
export { type BlobContent, type ByteRange, fetchBlob } from './blobs.ts';
export { LARGE_BODY, LARGE_FIRST_PAUSE_MS, LARGE_SENDS } from './repeats.ts';
export { codeOf, Refusal } from './problem.ts';
export { checkStoreUrl, storeFetch } from './store-url.ts';
export { createAuthority, issueCertificate, LOOPBACK_HOSTS } from './tls.ts';
export { tlsFetch } from './tls-fetch.ts';
