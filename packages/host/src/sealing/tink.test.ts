// Sealed files against Tink for Python, which must be importable as `tink` (pip install tink).
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexEncode } from '@sealroom/bytes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFile, sealFile } from './index.ts';

const python = process.env['SEALROOM_PYTHON'] ?? 'python3';
const script = `
import sys, tink
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2 as stream, common_pb2, tink_pb2
verb, key, path, source, target = sys.argv[1:]
streaming_aead.register()
value = stream.AesGcmHkdfStreamingKey(key_value=bytes.fromhex(key), params=stream.AesGcmHkdfStreamingParams(
    ciphertext_segment_size=1 << 20, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256))
data = tink_pb2.KeyData(type_url='type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey',
    value=value.SerializeToString(), key_material_type=tink_pb2.KeyData.SYMMETRIC)
keyset = tink_pb2.Keyset(primary_key_id=1, key=[tink_pb2.Keyset.Key(
    key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.RAW)])
handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
primitive = handle.primitive(streaming_aead.StreamingAead)
with open(source, 'rb') as reader, open(target, 'wb') as writer:
    if verb == 'seal':
        with primitive.new_encrypting_stream(writer, path.encode()) as sealed: sealed.write(reader.read())
    else:
        with primitive.new_decrypting_stream(reader, path.encode()) as plain: writer.write(plain.read())
`;

const present = spawnSync(python, ['-c', 'import tink']).status === 0;
const wanted = present || process.env['CI'] === 'true';
if (!wanted) {
  console.log(
    `skipped: Tink for Python is not here (pip install tink; SEALROOM_PYTHON names the python, now "${python}")`,
  );
}

describe.skipIf(!wanted)('Tink for Python', () => {
  let folder: string;
  const key = new Uint8Array(randomBytes(32));
  const path = 'data/Größe 1.csv';
  const at = (name: string) => join(folder, name);
  const hash = async (name: string) =>
    createHash('sha256')
      .update(await readFile(at(name)))
      .digest('hex');
  const tink = (verb: 'seal' | 'open', associated: string, source: string, target: string) => {
    const given = ['-c', script, verb, hexEncode(key), associated, at(source), at(target)];
    const { status, stderr } = spawnSync(python, given, { encoding: 'utf8' });
    return { status, stderr };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tink-'));
  });
  afterAll(async () => rm(folder, { recursive: true }));

  test('is installed', () => {
    expect(present, 'in CI Tink for Python must be installed').toBe(true);
  });

  test.each([0, 1, 2 ** 20 - 56, 2 ** 20 - 55, 5_000_000])('opens %i bytes that we sealed', async (size) => {
    await writeFile(at('plain'), randomBytes(size));
    await sealFile({ input: at('plain'), output: at('sealed'), key, path, overwrite: true });
    expect(tink('open', path, 'sealed', 'opened')).toMatchObject({ status: 0 });
    expect(await hash('opened')).toBe(await hash('plain'));
    expect(tink('open', 'data/other.csv', 'sealed', 'other').status).not.toBe(0);
  });

  test.each([0, 1, 2 ** 20 - 56, 2 ** 20 - 55, 5_000_000])('seals %i bytes that we open', async (size) => {
    await writeFile(at('plain'), randomBytes(size));
    expect(tink('seal', path, 'plain', 'sealed')).toMatchObject({ status: 0 });
    await openFile({ input: at('sealed'), output: at('opened'), key, path, overwrite: true });
    expect(await hash('opened')).toBe(await hash('plain'));
    const other = openFile({ input: at('sealed'), output: at('other.csv'), key, path: 'data/other.csv' });
    await expect(other).rejects.toMatchObject({ code: 'seal/not-authentic' });
  });
});
