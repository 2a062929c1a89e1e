// {{name}}: counts the dataset's files and bytes and reports both. Put your algorithm in their place.
import { listFiles, postReport, readFile } from './enclave.mjs';

const files = await listFiles();
let bytes = 0;
for (const file of files) bytes += (await readFile(file.name)).length;
await postReport('{{name}}', { report: { files: files.length, bytes } });
