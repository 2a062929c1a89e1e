// A package with dependencies from PyPI, prepared outside the room by examples/breast-cancer/prepare_sklearn.py, validates a
// real scikit-learn model in a room without a network. SEALROOM_SKLEARN_PACKAGE names the prepared folder.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect } from './collect.ts';
import { EXAMPLE, initiate, offer, openHouse, type OpenHouse, request, untilEnded } from './story.ts';

// What the package's scikit-learn measures outside, with a model fitted anew: none of the package's own code.
const OUTSIDE = `
import csv, json, sys
import numpy as np
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def read(path):
    rows = list(csv.reader(open(path)))[1:]
    return np.array([row[1:-1] for row in rows], dtype=float), np.array([row[-1] for row in rows])
training, validation = map(read, sys.argv[1:])
found = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*training).predict(validation[0])
truth = validation[1]
def metric(share, count):
    interval = binomtest(round(share * count), count).proportion_ci(0.95, method="wilson")
    return {"value": round(share, 4), "CI": [round(bound, 4) for bound in interval], "n": count}
print(json.dumps({"report": {
    "accuracy": metric(accuracy_score(truth, found), len(truth)),
    "sensitivity": metric(recall_score(truth, found, pos_label="malignant"), int((truth == "malignant").sum())),
    "specificity": metric(recall_score(truth, found, pos_label="benign"), int((truth == "benign").sum()))}}))
`;

const prepared = process.env['SEALROOM_SKLEARN_PACKAGE'] ?? '';
const present = prepared !== '' && existsSync(join(prepared, 'dependencies'));
if (!present && process.env['CI'] === 'true')
  throw new Error('The scikit-learn package is not prepared; CI must not skip its test.');
if (!present) {
  console.log(
    'skipped: the scikit-learn package is not prepared (python3 examples/breast-cancer/prepare_sklearn.py FOLDER, and name the folder in SEALROOM_SKLEARN_PACKAGE)',
  );
}

describe.skipIf(!present)('a package with scikit-learn inside', () => {
  let open: OpenHouse;

  beforeAll(async () => {
    open = await openHouse('sklearn');
  }, 180_000);

  afterAll(async () => {
    await open?.close();
  }, 60_000);

  test('measures in the room what the same scikit-learn measures outside', async () => {
    const { stage, folder } = open;
    const agreed = await offer(stage, prepared, join(folder, 'sklearn'));
    const run = await request(stage, agreed);
    await initiate(stage, agreed, run);
    const ended = await untilEnded(stage, run, 400_000);
    expect(ended).toMatchObject({ status: 'Run Completed', detail: null, hasReceipt: true });
    const { report, verified } = await collect(stage, run);
    expect(verified).toMatchObject({ verdict: 'pinned', finished: { outcome: 'completed' } });
    const files = ['vendor/training.csv', 'steward/validation.csv'].map((file) =>
      join(EXAMPLE, 'data', file),
    );
    const outside = spawnSync('/usr/bin/python3', ['-c', OUTSIDE, ...files], {
      encoding: 'utf8',
      env: { PYTHONPATH: join(prepared, 'dependencies'), PYTHONDONTWRITEBYTECODE: '1' },
    });
    expect(outside.stderr).toBe('');
    expect(report).toEqual(JSON.parse(outside.stdout));
  }, 600_000);
});
