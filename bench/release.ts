// How long a vault takes over one release, apart from the ledger: `node bench/release.ts`. One vault serves both parties,
// over a ledger in memory whose time is measured and taken off; beside it the bare RSA and HPKE work that cannot be saved.
import {
  generateCek,
  generateKekPair,
  hpkeSeal,
  importKek,
  importKekSecret,
  unwrapKey,
  wrapKey,
} from '@sealroom/seal';
import { openRoom } from '@sealroom/testkit/world';
import { approvedRun, prove, releaseAt, setStage } from '../apps/vault/src/fixtures.ts';

const WARM = 5;
const RUNS = 40;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Two unwraps and two seals, as a release of two assets needs. */
async function bareWork(): Promise<() => Promise<void>> {
  const pair = await generateKekPair();
  const secret = await importKekSecret(pair.privatePkcs8);
  const wcek = await wrapKey(await importKek(pair.publicDer), generateCek());
  const { keys } = await openRoom();
  const empty = new Uint8Array();
  return async () => {
    for (let asset = 0; asset < 2; asset++) {
      const plaintext = await unwrapKey(secret, wcek);
      await hpkeSeal(keys.receive, { info: empty, aad: empty, plaintext });
    }
  };
}

const contract = {
  contract: <T extends { quota: object }>(terms: T) => ({
    ...terms,
    quota: { runs: 1000, attemptsPerRun: 1 },
  }),
};
const stage = await setStage({ shared: true, ...contract });
let inLedger = 0;
let calls = 0;
stage.ledgerFetch = async (url, init) => {
  let answer = new Response();
  calls += 1;
  inLedger += await timed(async () => {
    answer = await stage.ledger.fetch(url, init);
  });
  return answer;
};
const own: number[] = [];
const whole: number[] = [];
const ledgerCalls: number[] = [];
for (let round = 0; round < WARM + RUNS; round++) {
  const body = await prove(stage, await approvedRun(stage), await openRoom());
  inLedger = 0;
  calls = 0;
  const total = await timed(() => releaseAt(stage.steward, body));
  if (round < WARM) continue;
  whole.push(total);
  own.push(total - inLedger);
  ledgerCalls.push(calls);
}
const bare = await bareWork();
const bareTimes: number[] = [];
for (let round = 0; round < WARM + RUNS; round++) bareTimes.push(await timed(bare));
const [release, floor] = [median(own), median(bareTimes.slice(WARM))];
console.log(`release of two keys, without the ledger's time  ${release.toFixed(1)} ms (median of ${RUNS})`);
console.log(`bare RSA-4096 unwrap and HPKE seal of two keys   ${floor.toFixed(1)} ms`);
console.log(`ratio                                            ${(release / floor).toFixed(2)}`);
console.log(
  `with a ledger in memory                          ${median(whole).toFixed(1)} ms, ${median(ledgerCalls)} calls`,
);
await stage.close();
process.exit(0);
