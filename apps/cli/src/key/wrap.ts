// CEK and WCEK files (docs/protocol.md section 2). Offline.
import { randomBytes } from 'node:crypto';
import { sha256Digest } from '@sealroom/bytes';
import { generateCek, importKek, wrapKey } from '@sealroom/seal';
import type { Action } from '../context.ts';
import { readGiven, readKeyFile, writeWhole } from '../home/files.ts';
import { facts } from '../terminal/text.ts';

export function randomName(): string {
  return randomBytes(5).toString('hex');
}

export const generateCekFile: Action = async (context, input) => {
  const out = input.optionalArg(0) ?? `cek_${randomName()}.key`;
  await writeWhole(out, generateCek());
  context.did(`${out} was written.`);
  return {
    json: { ok: true, out },
    text: `Wrote ${out}. Whoever has it can open what is sealed with it: keep it, and keep it to yourself.\n`,
  };
};

export const wrapCek: Action = async (context, input) => {
  const kek = await importKek(await readGiven(input.text('kek'), 64 * 1024));
  const wcek = await wrapKey(kek, await readKeyFile(input.text('cek')));
  const out = input.optionalArg(0) ?? `wcek_${randomName()}.key.bkenc`;
  await writeWhole(out, wcek, { mode: 0o644 });
  context.did(`${out} was written.`);
  const digest = await sha256Digest(wcek);
  return {
    json: { ok: true, out, wcek: digest, kek: kek.fingerprint },
    text: `Wrote ${out}.\n${facts([
      ['wrapped for the KEK', kek.fingerprint],
      ['digest', digest],
    ])}`,
  };
};
