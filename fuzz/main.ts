// npm run test:fuzz: fuzzes the decoders of one family, or of all at the same time, each in a process of its own. An input
// that shows a defect is made small and saved; an endless one is noticed by the main thread, saved, and its thread replaced.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type RunOptions, runFamily } from './engine/runner.ts';
import { FAMILY_NAMES, isFamily } from './families/index.ts';

const USAGE = `npm run test:fuzz -- [--family NAME] [--minutes M | --executions N | --each N] [--target NAME]… [--seed S]
  --family NAME    ${FAMILY_NAMES.join(', ')}; all of them when left out
  --minutes M      how long; 1 when neither is given
  --executions N   how many executions a family; the same seed then runs the same inputs
  --each N         how many executions each target of a family; tells of each at the end
  --target NAME    only targets with this in their name; may be repeated, and asks for a family
  --seed S         any whole number; the time when left out
  --out FOLDER     where inputs that show a defect are saved; fuzz/findings when left out
  --coverage WHAT  none; count (tell how many characters of source ran); or feedback (keep what reaches new code)
`;

function optionsOf(values: { readonly [name: string]: string | boolean | string[] | undefined }): RunOptions {
  const number = (name: string): number | undefined => {
    const text = values[name];
    if (typeof text !== 'string') return undefined;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number.\n${USAGE}`);
    return value;
  };
  const coverage = String(values['coverage'] ?? 'none');
  if (coverage !== 'feedback' && coverage !== 'count' && coverage !== 'none') throw new Error(USAGE);
  return {
    seed: number('seed') ?? Date.now(),
    executions: number('executions'),
    each: number('each'),
    targets: Array.isArray(values['target']) ? values['target'] : [],
    minutes: number('minutes') ?? 1,
    out: typeof values['out'] === 'string' ? values['out'] : join(import.meta.dirname, 'findings'),
    coverage,
  };
}

function runAll(argv: readonly string[]): Promise<number> {
  const ends = FAMILY_NAMES.map(
    (family) =>
      new Promise<number>((resolve) => {
        const child = spawn(process.execPath, [import.meta.filename, '--family', family, ...argv], {
          stdio: 'inherit',
        });
        child.once('close', (code) => resolve(code ?? 1));
      }),
  );
  return Promise.all(ends).then((codes) => Math.max(...codes));
}

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      family: { type: 'string' },
      minutes: { type: 'string' },
      executions: { type: 'string' },
      each: { type: 'string' },
      target: { type: 'string', multiple: true },
      seed: { type: 'string' },
      out: { type: 'string' },
      coverage: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  if (values.family === undefined && values.target !== undefined) throw new Error(USAGE);
  if (values.family === undefined) return runAll(argv);
  if (!isFamily(values.family)) throw new Error(`There is no family ${values.family}.\n${USAGE}`);
  const options = optionsOf(values);
  console.log(`family=${values.family} seed=${options.seed} coverage=${options.coverage}`);
  const { findings } = await runFamily(values.family, options);
  return findings > 0 ? 1 : 0;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
