// Clients of other languages in a room: R, with its lists of length 1, and curl. What R's jsonlite writes is spelt out here, so
// that it is posted where R is missing too; with R, the same text is compared with what jsonlite makes of the same values.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPOSITORY } from './fixtures.ts';
import { createRunner, reportOf, type Runner } from './runner-for-tests.ts';

const EXAMPLE = join(REPOSITORY, 'examples', 'breast-cancer');
let runner: Runner;

/** Whether the machine has what the sandbox shows; in CI it must. */
function has(what: string, words: readonly string[]): boolean {
  const [program = '', ...rest] = words;
  if (existsSync(program) && spawnSync(program, rest).status === 0) return true;
  if (process.env['CI'] === 'true') throw new Error(`${what} is missing; CI must not skip its tests.`);
  console.log(`skipped: the tests with ${what}, which is not installed here`);
  return false;
}

const R = '/usr/bin/Rscript';
const hasR = has('R (r-base-core, r-cran-jsonlite, r-cran-httr)', [
  R,
  '-e',
  'library(jsonlite);library(httr)',
]);
const hasCurl = has('curl', ['/usr/bin/curl', '--version']);

const criteria = JSON.stringify({
  report: {
    type: 'dict',
    required: true,
    schema: {
      value: { type: 'float', min: 0, max: 1, required: true },
      n: { type: 'integer', min: 0, max: 1000, required: true },
      label: { type: 'string', allowed: ['good', 'bad'], nullable: true },
      CI: { type: 'list', items: [{ type: 'float' }, { type: 'float' }] },
      ok: { type: 'boolean' },
      by: {
        type: 'list',
        maxlength: 2,
        schema: {
          type: 'dict',
          schema: { site: { type: 'string', allowed: ['a', 'b'] }, n: { type: 'integer' } },
        },
      },
    },
  },
});

const FULL =
  'list(value = 0.5, n = 3, label = NA_character_, CI = c(0.25, 1), ok = TRUE, by = data.frame(site = c("a", "b"), n = c(1L, NA)))';
const FULL_REPORT = {
  report: {
    value: 0.5,
    n: 3,
    label: null,
    CI: [0.25, 1],
    ok: true,
    by: [{ site: 'a', n: 1 }, { site: 'b' }],
  },
};
const SMALL_REPORT = { report: { value: 0.25, n: 3 } };

type Spelling = {
  readonly name: string;
  readonly r: string;
  readonly json: string;
  readonly leaves: unknown;
};

/** R expressions of the body of /report, what jsonlite makes of them, and the report that leaves. */
const SPELLINGS: readonly Spelling[] = [
  {
    name: 'scalars, NA, vectors, rows, and criteria of its own',
    r: `toJSON(list(json_data = list(report = ${FULL}), name = "R", status = "Completed", json_schema = list(report = list(type = "dict", required = TRUE, schema = list(n = list(type = "integer", min = 0, max = 10, required = TRUE), value = list(type = "float"), label = list(type = "string", nullable = TRUE), CI = list(type = "list"), ok = list(type = "boolean"), by = list(type = "list"))))), digits = NA)`,
    json: '{"json_data":{"report":{"value":[0.5],"n":[3],"label":[null],"CI":[0.25,1],"ok":[true],"by":[{"site":"a","n":1},{"site":"b"}]}},"name":["R"],"status":["Completed"],"json_schema":{"report":{"type":["dict"],"required":[true],"schema":{"n":{"type":["integer"],"min":[0],"max":[10],"required":[true]},"value":{"type":["float"]},"label":{"type":["string"],"nullable":[true]},"CI":{"type":["list"]},"ok":{"type":["boolean"]},"by":{"type":["list"]}}}}}',
    leaves: FULL_REPORT,
  },
  {
    name: 'what httr makes of a body, with NULL for criteria',
    r: `toJSON(list(json_data = list(report = ${FULL}), name = "R", status = "Completed", json_schema = NULL), auto_unbox = TRUE, digits = 22)`,
    json: '{"json_data":{"report":{"value":0.5,"n":3,"label":null,"CI":[0.25,1],"ok":true,"by":[{"site":"a","n":1},{"site":"b"}]}},"name":"R","status":"Completed","json_schema":{}}',
    leaves: FULL_REPORT,
  },
  {
    name: 'a data frame of one row, and an id of no value',
    r: 'toJSON(list(json_data = list(report = data.frame(value = 0.25, n = 3L)), name = "R", status = "Completed", run = character(0)), digits = NA)',
    json: '{"json_data":{"report":[{"value":0.25,"n":3}]},"name":["R"],"status":["Completed"],"run":[]}',
    leaves: SMALL_REPORT,
  },
  {
    name: 'base64 of JSON text',
    r: 'toJSON(list(json_data = base64_enc(charToRaw(toJSON(list(report = list(value = 0.25, n = 3)), digits = NA))), name = "R", status = "Completed"))',
    json: `{"json_data":["${Buffer.from('{"report":{"value":[0.25],"n":[3]}}').toString('base64')}"],"name":["R"],"status":["Completed"]}`,
    leaves: SMALL_REPORT,
  },
];

/** Posts bodies in turn with what every room has, and ends badly when an answer has another status than expected. */
const POSTS = `
const { readFileSync } = await import('node:fs');
for (const { path, body, status } of JSON.parse(readFileSync('posts.json', 'utf8'))) {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(process.env.ENCLAVE_URL + path, { method: 'POST', headers, body });
  if (answer.status !== status) throw new Error(path + ' ' + body + ': ' + answer.status + ' ' + (await answer.text()));
}
`;
type Post = { readonly path: string; readonly body: string; readonly status: number };

async function posting(posts: readonly Post[]): Promise<string> {
  const files = { 'posts.mjs': POSTS, 'posts.json': JSON.stringify(posts) };
  return runner.packageOf('exec node posts.mjs', files);
}

const bodyOf = (report: string): string =>
  `{"json_data":{"report":${report}},"name":["R"],"status":["Completed"]}`;

beforeAll(async () => {
  runner = await createRunner(join(EXAMPLE, 'data', 'steward'), criteria);
});

afterAll(async () => {
  await runner?.close();
});

describe('a client that posts as R does', () => {
  test.each(SPELLINGS)('gets its report out: $name', async ({ json, leaves }) => {
    const at = await posting([
      { path: '/api/v1/log', body: '{"message":["half way"],"status":["In Progress"]}', status: 200 },
      { path: '/api/v1/validate', body: json, status: 200 },
      { path: '/api/v1/report', body: json, status: 200 },
    ]);
    expect(reportOf(await runner.run(at))).toEqual(leaves);
  });

  test('is refused with what is no single value of the type, and can post a good report after that', async () => {
    const values = ['[0.1,0.2]', '[]', '{}', '[[0.5]]', '[{"x":0.5}]', '["NA"]', '[null]', '["0.5"]', '[2]'];
    const bad = [
      ...values.map((value) => `{"value":${value},"n":[3]}`),
      '{"value":[0.5],"n":[3.5]}',
      '{"value":[0.5],"n":["3"]}',
      '{"value":[0.5],"n":[3],"label":["good","bad"]}',
      '{"value":[0.5],"n":[3],"label":[["good"]]}',
      '{"value":[0.5],"n":[3],"CI":[0.5]}',
      '{"value":[0.5],"n":[3],"by":{}}',
      '{"value":[0.5],"n":[3],"by":[{"site":["a","b"]}]}',
      '{"value":[0.5],"n":[3],"more":[1]}',
      '[{"value":0.5,"n":3},{"value":0.5,"n":3}]',
      '[[{"value":0.5,"n":3}]]',
      '[]',
    ].map(bodyOf);
    const badBodies = [
      '{"json_data":[{"report":{"value":[0.5],"n":[3]}},{"report":{"value":[0.5],"n":[3]}}],"name":["R"],"status":["Completed"]}',
      '{"json_data":{"report":{"value":[0.5],"n":[3]}},"name":["R","S"],"status":["Completed"]}',
      '{"json_data":{"report":{"value":[0.5],"n":[3]}},"name":["R"],"status":[["Completed"]]}',
      '{"json_data":{"report":{"value":[0.5],"n":[3]}},"name":["R"],"status":["Completed"],"json_schema":{"report":{"type":["dict"],"schema":{"n":{"max":[2]},"value":{}}}}}',
      '{"json_data":{"report":{"value":[0.5],"n":[3]}},"name":["R"],"status":["Completed"],"json_schema":[{"report":{}},{}]}',
    ];
    const at = await posting([
      ...[...bad, ...badBodies].flatMap((body) => [
        { path: '/api/v1/validate', body, status: 400 },
        { path: '/api/v1/report', body, status: 400 },
      ]),
      { path: '/api/v1/report', body: bodyOf('{"value":[0.25],"n":[3]}'), status: 200 },
      { path: '/api/v1/report', body: bodyOf('{"value":[0.75],"n":[3]}'), status: 409 },
    ]);
    expect(reportOf(await runner.run(at))).toEqual(SMALL_REPORT);
  });
});

describe.skipIf(!hasR)('R itself', () => {
  test.each(SPELLINGS)('writes the text that stands here: $name', ({ r, json }) => {
    const made = spawnSync(R, ['--vanilla', '-e', `library(jsonlite); cat(${r})`], { encoding: 'utf8' });
    expect(made.stderr).toBe('');
    expect(made.stdout).toBe(json);
  });

  test('validates the vendor’s model in a room, with the figures of the Python package', async () => {
    const agreed = readFileSync(join(EXAMPLE, 'criteria.json'), 'utf8');
    const report = reportOf(await runner.run(join(EXAMPLE, 'algorithm-r'), { criteria: agreed }));
    expect(report).toMatchObject({ report: { accuracy: { value: 0.9577, CI: [0.9276, 0.9757], n: 284 } } });
    expect(report).toEqual(
      reportOf(await runner.run(join(EXAMPLE, 'algorithm-python'), { criteria: agreed })),
    );
  });

  test('downloads by its own functions too, without being told where the certificate is', async () => {
    // At level process, of R's own settings the sandbox shows those without which R does not start.
    const settings = runner.level === 'process' ? 'test "$(ls /etc/R | xargs)" = "Renviron ldpaths" && ' : '';
    const program = `${settings}Rscript --vanilla -e '
url <- paste0(Sys.getenv("ENCLAVE_URL"), "/api/v1/data/file?filepath=validation.csv")
download.file(url, "table.csv", quiet = TRUE)
stopifnot(nrow(read.csv("table.csv")) == 284, nrow(read.csv(url)) == 284)' && exec node posts.mjs`;
    const good = [{ path: '/api/v1/report', body: bodyOf('{"value":[0.25],"n":[3]}'), status: 200 }];
    const files = { 'posts.mjs': POSTS, 'posts.json': JSON.stringify(good) };
    expect(reportOf(await runner.run(await runner.packageOf(program, files)))).toEqual(SMALL_REPORT);
  });
});

test.skipIf(!hasCurl)('curl in a shell script lists, downloads, is refused and posts', async () => {
  const program = `set -eu
curl -fsS "$ENCLAVE_URL/api/v1/data/files" | grep -q '"totalFiles":1'
curl -fsSG "$ENCLAVE_URL/api/v1/data/file" --data-urlencode filepath=validation.csv -o table.csv
records=$(($(wc -l < table.csv) - 1))
post() { curl -sS -o answer -w '%{http_code}' "$ENCLAVE_URL/api/v1/report" -H 'Content-Type: application/json' -d "$1"; }
row=$(tail -n 1 table.csv)
test "$(post "{\\"json_data\\":{\\"report\\":{\\"value\\":1,\\"n\\":3,\\"row\\":\\"$row\\"}},\\"name\\":\\"sh\\",\\"status\\":\\"Completed\\"}")" = 400
test "$(post "{\\"json_data\\":{\\"report\\":{\\"value\\":1,\\"n\\":$records}},\\"name\\":\\"sh\\",\\"status\\":\\"Completed\\"}")" = 200`;
  expect(reportOf(await runner.run(await runner.packageOf(program)))).toEqual({
    report: { value: 1, n: 284 },
  });
});
