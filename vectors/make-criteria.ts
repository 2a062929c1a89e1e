// Writes vectors/criteria by asking the real Cerberus and Python's re: `npx node vectors/make-criteria.ts`, with SEALROOM_PYTHON
// naming a Python that has Cerberus. The cases are those in which this project once said something else, and hard corners.
// Run it after adding a case; nothing else should change.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeVersions, Oracle } from '@sealroom/testkit/cerberus';
import { CASES, PATTERNS } from './criteria/cases.ts';

const oracle = new Oracle(0);
const source = `Said by Cerberus and Python themselves, ${await describeVersions()}. Made with vectors/make-criteria.ts.`;

/** One case a line: the text of the request is kept as it is, since 1 and 1.0 differ. */
function write(name: string, lines: readonly string[]): void {
  const text = `{"source":${JSON.stringify(source)},\n"cases":[\n${lines.join(',\n')}\n]}\n`;
  writeFileSync(join(import.meta.dirname, 'criteria', name), text);
}

const judged: string[] = [];
for (const { why, request } of CASES) {
  judged.push(`{"why":${JSON.stringify(why)},"request":${request},\n "said":${await oracle.ask(request)}}`);
}
write('cerberus.json', judged);

const matched: string[] = [];
for (const { why, pattern, texts } of PATTERNS) {
  const request = JSON.stringify({ pattern, texts });
  matched.push(`{"why":${JSON.stringify(why)},"request":${request},\n "said":${await oracle.ask(request)}}`);
}
write('regex.json', matched);
oracle.close();
