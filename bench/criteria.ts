// Reports a second held against the manual's criteria: the strict mode from the text, as the gate does it, the compatible
// mode on a value that was read before, and beside them Cerberus on Python (`SEALROOM_BENCH_PYTHON`, else `python3`) on a
// dictionary that was read before. Run: npx node bench/criteria.ts
import { spawnSync } from 'node:child_process';
import { gateReport, parseCriteria, readValue, validate } from '@sealroom/criteria';

const measure = {
  type: 'dict',
  schema: {
    value: { type: 'float', min: 0, max: 1 },
    CI: { type: 'float', min: 0, max: 1 },
    n: { type: 'integer', min: 1 },
  },
};
const criteriaText = JSON.stringify({
  report: { type: 'dict', schema: { accuracy: measure, specificity: measure, sensitivity: measure } },
});
const values = { value: 0.91, CI: 0.02, n: 569 };
const reportText = JSON.stringify({ report: { accuracy: values, specificity: values, sensitivity: values } });

/** Calls a second over about a second and a half, after a warm-up. */
function rate(call: () => boolean): number {
  const run = (milliseconds: number) => {
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < milliseconds) {
      for (let i = 0; i < 50; i++) if (!call()) throw new Error('The report does not pass.');
      count += 50;
    }
    return count / ((performance.now() - start) / 1000);
  };
  run(500);
  return run(1500);
}

const PYTHON = `
import json, sys, time
try:
    import cerberus
except ImportError:
    sys.exit(3)
criteria, report = json.loads(sys.argv[1]), json.loads(sys.argv[2])
validator = cerberus.Validator(criteria)
for _ in range(200): assert validator.validate(report)
start, count = time.perf_counter(), 0
while time.perf_counter() - start < 2:
    for _ in range(50): validator.validate(report)
    count += 50
print(json.dumps({"rate": count / (time.perf_counter() - start), "version": cerberus.__version__,
                  "python": sys.version.split()[0]}))
`;

function cerberus(): { rate: number; version: string; python: string } | undefined {
  const python = process.env['SEALROOM_BENCH_PYTHON'] ?? 'python3';
  const { status, stdout } = spawnSync(python, ['-c', PYTHON, criteriaText, reportText], {
    encoding: 'utf8',
  });
  return status === 0 ? (JSON.parse(stdout) as ReturnType<typeof cerberus>) : undefined;
}

const strict = parseCriteria(criteriaText);
const compat = parseCriteria(criteriaText, { mode: 'compat' });
const report = readValue(reportText);
const gate = rate(
  () => gateReport({ criteria: strict, text: reportText, maxBytes: 65_536, maxBits: 4096 }).ok,
);
const compatible = rate(() => validate(compat, report).outcome === 'valid');
const theirs = cerberus();

const row = (name: string, perSecond: number) => {
  const ratio = theirs === undefined ? '' : `  ${(perSecond / theirs.rate).toFixed(1)} x Cerberus`;
  console.log(
    `${name.padEnd(44)} ${Math.round(perSecond).toLocaleString('en').padStart(10)} reports/s${ratio}`,
  );
};
row('gate: text to canonical bytes, strict', gate);
row('validate: compatible mode', compatible);
if (theirs === undefined) {
  console.log('Cerberus is not installed for this Python; set SEALROOM_BENCH_PYTHON to one that has it.');
} else row(`Cerberus ${theirs.version} on Python ${theirs.python}`, theirs.rate);
