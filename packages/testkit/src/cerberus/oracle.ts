// Cerberus itself, in a Python process that answers line by line (oracle.py). Python and the package must be there.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The Python that has Cerberus: SEALROOM_PYTHON, or the system's. */
const python = process.env['SEALROOM_PYTHON'] ?? 'python3';
const script = join(import.meta.dirname, 'oracle.py');

/**
 * Whether the Python at hand has Cerberus; if not, the reason is printed.
 * @throws where CI asks that nothing be skipped
 */
export function hasCerberus(): boolean {
  if (spawnSync(python, ['-c', 'import cerberus']).status === 0) return true;
  const reason = `Cerberus is not here (pip install cerberus; SEALROOM_PYTHON names the python, now "${python}")`;
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI must not skip its tests.`);
  console.log(`skipped: ${reason}`);
  return false;
}

export class Oracle {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];

  /** `hashSeed` orders Python's sets of texts. */
  constructor(hashSeed: number) {
    this.#child = spawn(python, [script], { env: { ...process.env, PYTHONHASHSEED: String(hashSeed) } });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
    let said = '';
    this.#child.stderr.on('data', (text) => {
      said = (said + String(text)).slice(-2000);
    });
    this.#child.on('close', () => {
      for (const { reject } of this.#waiting.splice(0))
        reject(new Error(`The Python process ended. ${said}`));
    });
    this.#child.stdin.on('error', () => undefined);
  }

  /** The answer to one request, both JSON texts of one line. */
  async ask(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${request}\n`);
    });
  }

  close(): void {
    this.#child.stdin.end();
  }
}

/** Which Cerberus and which Python answer. */
export async function describeVersions(): Promise<string> {
  const oracle = new Oracle(0);
  try {
    return await oracle.ask('{"about":true}');
  } finally {
    oracle.close();
  }
}
