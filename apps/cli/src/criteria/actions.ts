// `criteria check` and `criteria lint`: offline. Exit codes of `check`: 0 valid · 1 invalid · 2 unusable criteria or options, or
// an input on which Cerberus itself breaks down. `lint`: 0 bounded · 1 an error was found · 2 unusable criteria.
import {
  checkCriteriaFile,
  type CheckResult,
  type Criteria,
  CriteriaError,
  type ErrorTree,
  leakBudget,
  lintCriteria,
  parseCriteria,
  type Reason,
} from '@sealroom/criteria';
import type { Action, Answer } from '../context.ts';
import { EXIT, printable } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { table } from '../terminal/text.ts';

/** What stands in files of others, on one line. */
function line(text: string): string {
  return printable(text).replaceAll('\n', '\uFFFD');
}

function treeText(tree: ErrorTree, path = ''): string {
  return Object.entries(tree)
    .flatMap(([field, nodes]) =>
      nodes.map((node) =>
        typeof node === 'string'
          ? `  ${line(`${path}${field}: ${node}`)}\n`
          : treeText(node, `${path}${field}.`),
      ),
    )
    .join('');
}

function isTree(detail: unknown): detail is ErrorTree {
  return typeof detail === 'object' && detail !== null;
}

function reasonText({ path, message, detail }: Reason): string {
  const tree = isTree(detail) ? treeText(detail) : '';
  return `  ${line(`${path.join('.') || '(all)'}: ${message}`)}\n${tree.replaceAll(/^/gm, '  ').trimEnd()}`.trimEnd();
}

type Failed = { readonly code: string; readonly message: string; readonly reasons: readonly Reason[] };

function unusable({ code, message, reasons }: Failed, outcome: 'invalid' | 'unusable', exit: number): Answer {
  const lines = reasons.map((reason) => `${reasonText(reason)}\n`).join('');
  return {
    json: { ok: false, outcome, code, message, reasons },
    text: `${outcome === 'invalid' ? 'Invalid' : 'Unusable'}: ${line(message)} [${code}]\n${lines}`,
    exit,
  };
}

function answerOf(result: CheckResult): Answer {
  const { exit } = result;
  if (!('validation' in result)) return unusable(result, exit === 1 ? 'invalid' : 'unusable', exit);
  const { validation } = result;
  if (validation.outcome === 'valid')
    return { json: { ok: true, outcome: 'valid' }, text: 'Valid: the report meets the criteria.\n', exit };
  if (validation.outcome === 'breakdown') {
    const { exception } = validation;
    const text = `Unusable: Cerberus itself breaks down on this input (${exception}).\n`;
    return { json: { ok: false, outcome: 'breakdown', exception }, text, exit };
  }
  const { errors, errorList } = validation;
  // Where the check was given up, no field is to blame.
  const why = treeText(errors) || `  ${errorList.map(({ name }) => name).join(', ')}\n`;
  return { json: { ok: false, outcome: 'invalid', errors }, text: `Invalid:\n${why}`, exit };
}

export const checkCriteria: Action = async (_context, input) => {
  const [criteria, report] = await Promise.all([readGiven(input.arg(0)), readGiven(input.arg(1))]);
  const options = input.optional('options');
  return answerOf(
    checkCriteriaFile(criteria, report, {
      compat: input.flag('compat'),
      ...(options === undefined ? {} : { options }),
    }),
  );
};

export const lint: Action = async (_context, input) => {
  let criteria: Criteria;
  try {
    criteria = parseCriteria(await readGiven(input.arg(0)));
  } catch (cause) {
    if (cause instanceof CriteriaError) return unusable(cause, 'unusable', EXIT.usage);
    throw cause;
  }
  const findings = lintCriteria(criteria);
  const bits = leakBudget(criteria);
  const bounded = Number.isFinite(bits);
  const rows = findings.map(({ severity, path, message, code }) => [severity, path.join('.'), message, code]);
  const budget = bounded ? `at most ${Math.ceil(bits)} bits` : 'no bound is known';
  const bad = findings.some(({ severity }) => severity === 'error');
  return {
    json: { ok: !bad, bits: bounded ? Math.ceil(bits) : null, findings },
    text: `${table(['severity', 'where', 'what', 'code'], rows, 'Nothing to remark.')}A report can carry: ${budget}.\n`,
    exit: bad ? 1 : 0,
  };
};
