import { expect, it } from 'vitest';
import { urlVaulting } from './secrets.ts';

const secret = new Uint8Array(32).fill(1);
const broken = { code: 'hub/record-broken' };

it('opens a URL for the asset it was sealed for, with the same key, unaltered', async () => {
  const vaulting = await urlVaulting(secret);
  const sealed = await vaulting.seal('https://store.example/c?sig=x', 'a');
  expect(await vaulting.open(sealed, 'a')).toBe('https://store.example/c?sig=x');
  await expect(vaulting.open(sealed, 'b')).rejects.toMatchObject(broken);
  const other = await urlVaulting(new Uint8Array(32).fill(2));
  await expect(other.open(sealed, 'a')).rejects.toMatchObject(broken);
  sealed.writeUInt8(sealed.readUInt8(20) ^ 1, 20);
  await expect(vaulting.open(sealed, 'a')).rejects.toMatchObject(broken);
});
