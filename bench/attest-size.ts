// What packages/attest adds to a web page: its whole index with everything it needs, bundled and minified as for a browser,
// then compressed. As a script, for of a library in modules the bundler leaves white space where it stands, which no page gets.
// Run: npx node bench/attest-size.ts
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';

const LIMIT = 150_000;
const entry = join(import.meta.dirname, '..', 'packages', 'attest', 'src', 'index.ts');
const built = await build({
  configFile: false,
  logLevel: 'error',
  build: { write: false, minify: true, lib: { entry, formats: ['iife'], name: 'attest' } },
});
const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
  'output' in one ? one.output : [],
);
const code = outputs.flatMap((one) => (one.type === 'chunk' ? [one.code] : [])).join('\n');
const sizes = {
  minified: Buffer.byteLength(code),
  gzip: gzipSync(code, { level: 9 }).length,
  brotli: brotliCompressSync(code).length,
};
console.log(`packages/attest on a page: ${sizes.minified} bytes, gzip ${sizes.gzip}, brotli ${sizes.brotli}`);
console.log(`${((sizes.gzip / LIMIT) * 100).toFixed(0)} % of ${LIMIT} bytes compressed by gzip`);
