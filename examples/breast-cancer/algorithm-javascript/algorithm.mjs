// Validates the vendor's model on the steward's data and posts the agreed report: accuracy, sensitivity and
// specificity, each with its 95 % confidence interval (Wilson) and the number of records it rests on. The twin of
// the package in Python, number for number.
import { readFileSync } from 'node:fs';
import { listFiles, postReport, readFile } from './enclave.mjs';

const Z = 1.959964; // the normal quantile of a two-sided 95 % interval

/** Rounded half up, as the twin does. */
function fourDigits(value) {
  return Math.floor(value * 10000 + 0.5) / 10000;
}

/** A share with its Wilson interval, to four digits. */
function metric(right, count) {
  if (count === 0)
    throw new Error('The dataset lacks malignant or benign records; there is nothing to measure.');
  const share = right / count;
  const scale = 1 + (Z * Z) / count;
  const centre = (share + (Z * Z) / (2 * count)) / scale;
  const half = (Z * Math.sqrt((share * (1 - share)) / count + (Z * Z) / (4 * count * count))) / scale;
  return {
    value: fourDigits(share),
    CI: [fourDigits(Math.max(0, centre - half)), fourDigits(Math.min(1, centre + half))],
    n: count,
  };
}

/** The rows of a CSV table without quoted fields, as maps from column to text. */
function readTable(text) {
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line !== '');
  const columns = header.split(',');
  return lines.map((line) => new Map(line.split(',').map((cell, index) => [columns[index], cell])));
}

/** Whether the model takes this record for malignant. */
function predict(model, row) {
  let score = model.intercept;
  for (const { name, mean, deviation, weight } of model.features) {
    const value = Number(row.get(name));
    if (!Number.isFinite(value))
      throw new Error(`The column ${name} is missing or holds something else than numbers.`);
    score += (weight * (value - mean)) / deviation;
  }
  return 1 / (1 + Math.exp(-score)) >= model.threshold;
}

/** The three metrics of the model on a table with a `diagnosis` column. */
function evaluate(model, table) {
  const positives = { right: 0, total: 0 };
  const negatives = { right: 0, total: 0 };
  for (const row of readTable(table)) {
    const diagnosis = row.get('diagnosis');
    if (diagnosis !== 'malignant' && diagnosis !== 'benign')
      throw new Error('The diagnosis column holds a word other than malignant and benign.');
    const positive = diagnosis === model.positive;
    const group = positive ? positives : negatives;
    group.total += 1;
    if (predict(model, row) === positive) group.right += 1;
  }
  return {
    accuracy: metric(positives.right + negatives.right, positives.total + negatives.total),
    sensitivity: metric(positives.right, positives.total),
    specificity: metric(negatives.right, negatives.total),
  };
}

const model = JSON.parse(readFileSync(new URL('models/model.json', import.meta.url), 'utf8'));
const names = (await listFiles()).map((file) => file.name).filter((name) => name.endsWith('.csv'));
if (names.length !== 1) throw new Error(`Expected one CSV file in the dataset, found ${names.length}.`);
const table = (await readFile(names[0])).toString('utf8');
await postReport('Breast cancer classifier, validation', { report: evaluate(model, table) });
