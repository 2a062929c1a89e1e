// Results in words.
import { type Check, resultOf, roomPolicy } from '@sealroom/attest';
import { expect, test } from 'vitest';
import { resultText } from './text.ts';

const check = (id: string, category: Check['category'], outcome: Check['outcome']): Check => ({
  id,
  category,
  outcome,
  detail: 'as it should be',
});
const claims = {
  hardware: true,
  debug: false,
  launch: '',
  hostData: undefined,
  reportData: new Uint8Array(32),
  signed: {},
};
const room = {
  name: 'cpu',
  technology: 'sev-snp' as const,
  checks: [check('sev-snp/tcb', 'tcb', 'pass')],
  claims: { ...claims, technology: 'sev-snp' as const, platform: 'sev-snp:chip:01' },
  used: [],
};
const device = {
  name: 'gpu0',
  technology: 'nvidia-gpu' as const,
  checks: [check('nvidia-gpu/debug', 'debug', 'fail')],
  claims: { ...claims, technology: 'nvidia-gpu' as const, platform: 'nvidia-gpu:02' },
  used: [],
};

test('each part of a composite room has a line of its own, and a room of one part has none', async () => {
  const textOf = async (submodules: readonly (typeof room | typeof device)[]) => {
    const checks = submodules.flatMap((one) => [...one.checks]);
    const whole = { ...room, scope: 'evidence' as const, verdict: 'refused' as const, checks, submodules };
    return resultText(await resultOf(whole, { policy: roomPolicy([]), at: 0 }));
  };
  const lines = (await textOf([room, device])).split('\n');
  const lineOf = (name: string) => lines.find((line) => line.startsWith(name));
  expect(lineOf('cpu')).toMatch(/sev-snp:chip:01 +nothing$/);
  expect(lineOf('gpu0')).toMatch(/contraindicated +nvidia-gpu:02 +runtime-opaque 96$/);
  expect(await textOf([room])).not.toContain('gpu0');
});
