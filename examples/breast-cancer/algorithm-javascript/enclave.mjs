// The few calls of the Enclave API that this algorithm makes, over node:https alone. The certificate is checked
// against the file that ENCLAVE_CA_FILE names.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';

const host = process.env.ENCLAVE_URL ?? 'https://localhost:5000';
const ca = process.env.ENCLAVE_CA_FILE ? readFileSync(process.env.ENCLAVE_CA_FILE) : undefined;

/** One request; gives the body's bytes, and throws for any status but 2xx. */
function call(method, path, body) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = payload === undefined ? {} : { 'content-type': 'application/json' };
  const asked = request(new URL(path, host), { method, headers, ca }, (answer) => {
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('error', reject);
    answer.on('end', () => {
      const content = Buffer.concat(chunks);
      if (answer.statusCode >= 200 && answer.statusCode < 300) resolve(content);
      else reject(new Error(`${method} ${path} answered ${answer.statusCode}: ${content.toString('utf8')}`));
    });
  });
  asked.on('error', reject);
  asked.end(payload);
  return promise;
}

/** The dataset's files: id, name, size, uploadDate. */
export async function listFiles() {
  return JSON.parse((await call('GET', '/api/v1/data/files')).toString('utf8')).files;
}

/** A file's bytes. */
export function readFile(name) {
  return call('GET', `/api/v1/data/file?filepath=${encodeURIComponent(name)}`);
}

/** Posts the final report. */
export async function postReport(name, data) {
  return JSON.parse(
    (await call('POST', '/api/v1/report', { json_data: data, name, status: 'Completed' })).toString('utf8'),
  );
}
