// Runs a script of a peer's Python library, or says that the library is not here. SEALROOM_PYTHON names the Python.
import { spawnSync } from 'node:child_process';

const python = process.env['SEALROOM_PYTHON'] ?? 'python3';

/**
 * Whether the modules are there; with the reason printed when they are not. @throws when they are not and CI is set
 * @param packages what to install, as pip names it
 */
export function hasPython(modules: readonly string[], packages: string): boolean {
  if (spawnSync(python, ['-c', `import ${modules.join(', ')}`]).status === 0) return true;
  const reason = `${modules.join(', ')} for Python are not here (pip install ${packages}; SEALROOM_PYTHON names the python, now "${python}")`;
  if (process.env['CI'] === 'true') throw new Error(reason);
  console.log(`skipped: ${reason}`);
  return false;
}

/** What the script prints as JSON, given this as JSON. @throws when it fails, with what it said */
export function runPython(script: string, input: unknown): unknown {
  const { status, stdout, stderr } = spawnSync(python, ['-c', script], {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`Python failed: ${stderr}`);
  return JSON.parse(stdout) as unknown;
}

/** PKCS #8 in PEM, as peers take keys. */
export async function privateKeyPem({ privateKey }: CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)?.join('\n') ?? ''}\n-----END PRIVATE KEY-----\n`;
}
