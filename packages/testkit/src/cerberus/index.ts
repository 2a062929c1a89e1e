export { difference, judge, type Said } from './compare.ts';
export { compareWithCerberus } from './differential.ts';
export { compareWithPython } from './differential-regex.ts';
export { type Case, randomCase } from './documents.ts';
export { describeVersions, hasCerberus, Oracle } from './oracle.ts';
export { type Disagreement, type Tally } from './tally.ts';
