// A process that writes pieces into a folder until it is killed, or so many of them: `node writer-for-tests.ts FOLDER NAME COUNT`.
import { utf8Encode } from '@sealroom/bytes';
import { openCollateralFolder } from './folder.ts';

const [path = '', name = '', count = '0'] = process.argv.slice(2);
const folder = await openCollateralFolder(path);
for (let at = 1; at <= Number(count); at++) {
  const bytes = utf8Encode(`{"by":"${name}","at":${at},"filler":"${'x'.repeat(100_000)}"}`);
  await folder.put([{ name: `${name}_${at % 5}`, form: 'json', bytes }], at);
  process.stdout.write('.');
}
