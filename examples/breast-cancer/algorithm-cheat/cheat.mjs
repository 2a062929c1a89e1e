// Tries to carry a patient's row out in the report, as cheat.py does. The room's gate must refuse it.
import { listFiles, postReport, readFile } from './enclave.mjs';

const names = (await listFiles()).map((file) => file.name).filter((name) => name.endsWith('.csv'));
const [header, first] = (await readFile(names[0])).toString('utf8').split(/\r?\n/);
const cells = first.split(',');
const row = Object.fromEntries(header.split(',').map((name, index) => [name, cells[index]]));
const metric = { value: 0.9, CI: [0.8, 1], n: 100 };
const stolen = { accuracy: metric, sensitivity: metric, specificity: metric, row };
try {
  await postReport('Breast cancer classifier, validation', { report: stolen });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
