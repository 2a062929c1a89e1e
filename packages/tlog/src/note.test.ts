import { utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, encodeKey, generateSecret, type Signer } from '@sealroom/cose';
import { expect, test } from 'vitest';
import {
  cosign,
  cosignatureVerifier,
  ed25519Verifier,
  formatNote,
  noteKeyId,
  noteKeyText,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  parseNoteKeyText,
  signCheckpoint,
} from './index.ts';

const origin = 'ledger.example/one';
const root = new Uint8Array(32).fill(7);
const signer = await ed25519Signer(generateSecret());
const stranger = await ed25519Signer(generateSecret());

async function line(by: Signer, name: string, text: string) {
  return { name, id: await noteKeyId(name, by.key), signature: await by.sign(utf8Encode(text)) };
}

test('a checkpoint opens under the key and origin that signed it', async () => {
  const note = await signCheckpoint(signer, { origin, size: 12, root });
  expect(await openCheckpoint(note, { origin, key: signer.key })).toMatchObject({
    origin,
    size: 12,
    root,
    unknown: [],
  });
});

test('refuses a checkpoint after any one character has changed', async () => {
  const note = await signCheckpoint(signer, { origin, size: 12, root });
  for (let at = 0; at < note.length; at++) {
    const changed = note.slice(0, at) + (note[at] === 'B' ? 'C' : 'B') + note.slice(at + 1);
    await expect(openCheckpoint(changed, { origin, key: signer.key }), `character ${at}`).rejects.toThrow();
    await expect(
      openCheckpoint(note.slice(0, at), { origin, key: signer.key }),
      `cut at ${at}`,
    ).rejects.toThrow();
  }
});

test('refuses a checkpoint of another log, another key, and one that only a stranger signed', async () => {
  const note = await signCheckpoint(signer, { origin, size: 1, root });
  const other = { origin: 'ledger.example/two', key: signer.key };
  await expect(openCheckpoint(note, other)).rejects.toMatchObject({ code: 'tlog/unknown-signer' });
  await expect(openCheckpoint(note, { origin, key: stranger.key })).rejects.toMatchObject({
    code: 'tlog/unknown-signer',
  });
  const text = `ledger.example/two\n1\n${Buffer.from(root).toString('base64')}\n`;
  const misled = formatNote(text, [await line(signer, origin, text)]);
  await expect(openCheckpoint(misled, { origin, key: signer.key })).rejects.toMatchObject({
    code: 'tlog/wrong-origin',
  });
});

test('keeps lines of unknown keys apart, and refuses them where every line must be accounted for', async () => {
  const note = await signCheckpoint(signer, { origin, size: 1, root });
  const { text, signatures } = parseNote(note);
  const both = formatNote(text, [...signatures, await line(stranger, 'stranger.example', text)]);
  const opened = await openCheckpoint(both, { origin, key: signer.key });
  expect(opened.unknown.map(({ name }) => name)).toEqual(['stranger.example']);
  await expect(
    openCheckpoint(both, { origin, key: signer.key, unknownLines: 'refuse' }),
  ).rejects.toMatchObject({
    code: 'tlog/unknown-signature-line',
  });
});

test('a bad line of a known key refuses the whole note, even beside a good one', async () => {
  const text = 'words\n';
  const good = await line(signer, 'a.example', text);
  const bad = await line(stranger, 'b.example', 'other words\n');
  const verifiers = [
    await ed25519Verifier('a.example', signer.key),
    await ed25519Verifier('b.example', stranger.key),
  ];
  await expect(openNote(formatNote(text, [good, bad]), verifiers)).rejects.toMatchObject({
    code: 'tlog/bad-signature',
  });
  await expect(openNote(formatNote(text, [good, good]), verifiers)).rejects.toMatchObject({
    code: 'tlog/malformed-note',
  });
});

test('refuses notes that are not in the one form', () => {
  const notes = [
    'no signatures\n',
    'text\n\n',
    'text\n\n— a.example\n',
    'text\n\n- a.example AAAAAAA=\n',
    'text\n\n— a.example AAAAAAA\n',
    'text\n\n— a.example AAAAAAB=\n',
    'text\n\n— a+b AAAAAAA=\n',
    'text\n\n—  AAAAAAA=\n',
    'text\n\n— a.example AAAAAAA=',
    'te\txt\n\n— a.example AAAAAAA=\n',
    'te\rxt\n\n— a.example AAAAAAA=\n',
    `text\n\n${'— a.example AAAAAAA=\n'.repeat(65)}`,
  ];
  for (const note of notes) expect(() => parseNote(note), JSON.stringify(note)).toThrow(/./);
  expect(parseNote('a\n\nb\n\n— a.example AAAAAAA=\n').text).toBe('a\n\nb\n');
});

test('refuses checkpoints with leading zeroes, extension lines, spare bits or no size', () => {
  const hash = Buffer.from(root).toString('base64');
  const texts = [
    `o\n01\n${hash}\n`,
    `o\n1\n${hash}\nmore\n`,
    `o\n\n${hash}\n`,
    `\n1\n${hash}\n`,
    `o\n1\n${hash}`,
  ];
  texts.push(`o\n1\n${hash.replace(/.=$/, 'd=')}\n`, `o\n9007199254740993\n${hash}\n`, `o\n-1\n${hash}\n`);
  for (const text of texts) {
    expect(() => parseCheckpoint(text), text).toThrow(
      expect.objectContaining({ code: 'tlog/malformed-checkpoint' }),
    );
  }
});

test('a witness vouches for a checkpoint at a time, and its line counts only if it is good', async () => {
  const witness = { name: 'witness.example', key: stranger.key };
  const note = await signCheckpoint(signer, { origin, size: 3, root });
  const cosigned = note + (await cosign(stranger, witness.name, note, 1_700_000_000_999));
  const opened = await openCheckpoint(cosigned, { origin, key: signer.key, witnesses: [witness] });
  expect(opened.cosignatures).toEqual([{ ...witness, time: 1_700_000_000_000 }]);

  const { text, signatures } = parseNote(cosigned);
  const backdated = signatures.map((entry) => {
    const signature = entry.signature.slice();
    if (entry.name === witness.name) signature[7] = (signature[7] ?? 0) ^ 1;
    return { ...entry, signature };
  });
  await expect(
    openCheckpoint(formatNote(text, backdated), { origin, key: signer.key, witnesses: [witness] }),
  ).rejects.toMatchObject({ code: 'tlog/bad-signature' });
  const verifier = await cosignatureVerifier(witness.name, witness.key);
  await expect(verifier.check(text, new Uint8Array(71))).rejects.toMatchObject({
    code: 'tlog/malformed-cosignature',
  });
});

test('verifier keys are written as other tools read them', async () => {
  const text = await noteKeyText(origin, signer.key);
  expect(await parseNoteKeyText(text)).toMatchObject({ name: origin, key: signer.key, type: 1 });
  const changed = text.replace(/\+[0-9a-f]{8}\+/, '+00000000+');
  await expect(parseNoteKeyText(changed)).rejects.toMatchObject({ code: 'tlog/malformed-key' });
  await expect(noteKeyText('two words', signer.key)).rejects.toMatchObject({ code: 'tlog/malformed-key' });
  const receiving = encodeKey({ curve: 'X25519', x: root });
  await expect(noteKeyText(origin, receiving)).rejects.toMatchObject({ code: 'tlog/unsupported-key' });
});
