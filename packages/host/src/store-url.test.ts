import { describe, expect, it } from 'vitest';
import { checkStoreUrl, storeAddresses, storeFetch } from './store-url.ts';

const now = Date.UTC(2026, 10, 22);
const zone = ['https://*.blob.core.windows.net'];
const sas = 'sv=2026-02-06&sr=c&sp=rl&se=2026-11-23T00%3A00%3A00Z&sig=abc';
const azure = `https://account.blob.core.windows.net/data?${sas}`;

function codeOf(text: string, allowed: readonly string[] = zone, access: 'read' | 'write' = 'read') {
  try {
    return checkStoreUrl(text, allowed, { now, access }).origin;
  } catch (error) {
    expect(String(error)).not.toContain('sig=');
    return (error as { code: string }).code;
  }
}

describe('store URLs', () => {
  it('are taken from listed origins, by name or by zone', () => {
    expect(codeOf(azure)).toBe('https://account.blob.core.windows.net');
    expect(codeOf(azure, ['https://account.blob.core.windows.net'])).toBe(
      'https://account.blob.core.windows.net',
    );
    const files = `http://127.0.0.1:8080/files/data?se=${now / 1000 + 60}&sp=r&sig=abc`;
    expect(codeOf(files, ['http://127.0.0.1:8080'])).toBe('http://127.0.0.1:8080');
    const amazon = 'https://s3.example/b/k?X-Amz-Date=20261121T235900Z&X-Amz-Expires=3600&X-Amz-Signature=a';
    expect(codeOf(amazon, ['https://s3.example'])).toBe('https://s3.example');
  });

  it('are refused when their origin is not listed, whatever it looks like', () => {
    for (const [url, allowed] of [
      [azure, []],
      [azure, ['https://other.blob.core.windows.net']],
      [`https://blob.core.windows.net/data?${sas}`, zone],
      [`https://a.b.blob.core.windows.net/data?${sas}`, zone],
      [`https://evil.example/.blob.core.windows.net?${sas}`, zone],
      [`https://account.blob.core.windows.net:8443/data?${sas}`, zone],
      [`https://account.blob.core.windows.net.evil.example/data?${sas}`, zone],
      [`https://127.0.0.1/data?${sas}`, zone],
      [`https://0x7f.1/data?${sas}`, zone],
      [`https://2130706433/data?${sas}`, zone],
      [`https://[::1]/data?${sas}`, zone],
      [`https://[::ffff:169.254.169.254]/data?${sas}`, zone],
      [`https://169.254.169.254/latest?${sas}`, zone],
      [`https://localhost/data?${sas}`, zone],
      [`https://0177.0.0.1/data?${sas}`, zone],
      [`https://127.1/data?${sas}`, zone],
      [`https://0/data?${sas}`, zone],
      [`https://[::ffff:7f00:1]/data?${sas}`, zone],
      [`https://[fd00:ec2::254]/data?${sas}`, zone],
      [`https://[64:ff9b::a9fe:a9fe]/data?${sas}`, zone],
      [`https://account.blob.core.windows.net./data?${sas}`, zone],
      [`https://ACCOUNT%2eblob.core.windows.net.evil.example/data?${sas}`, zone],
    ] as const) {
      expect([url, codeOf(url, allowed)]).toEqual([url, 'store/not-allowed']);
    }
  });

  it('are refused with another scheme, a user, a fragment or a doubled parameter', () => {
    for (const url of [
      `http://account.blob.core.windows.net/data?${sas}`,
      'file:///etc/passwd',
      `gopher://account.blob.core.windows.net/data?${sas}`,
      `https://user@account.blob.core.windows.net/data?${sas}`,
      `https://user:pw@account.blob.core.windows.net/data?${sas}`,
      `${azure}#x`,
      `${azure}&se=2036-01-01`,
      `${azure}&SP=rwd`,
      `${azure}&Se=2036-01-01`,
      'data:application/octet-stream,x',
      'javascript:1',
      'ftp://account.blob.core.windows.net/data',
      'not a url',
      `https://a.${'b0'.repeat(8000)}.c`,
      `${azure}&x=${'0'.repeat(9000)}`,
    ]) {
      expect([url, codeOf(url)]).toEqual([url, 'store/bad-url']);
    }
  });

  it('are refused without an end, after it, and when they allow to write', () => {
    expect(codeOf(azure.replace(/se=[^&]+&/, ''))).toBe('store/no-expiry');
    expect(codeOf(azure.replace(/se=[^&]+/, 'se=soon'))).toBe('store/no-expiry');
    expect(codeOf(azure.replace('2026-11-23', '2026-11-22'))).toBe('store/expired');
    for (const rights of ['rw', 'racwdl', 'c']) {
      expect(codeOf(azure.replace('sp=rl', `sp=${rights}`))).toBe('store/writable');
    }
    expect(codeOf(azure.replace('sp=rl', 'sp=l'))).toBe('store/bad-url');
    // The rights of a stored access policy are the store's to tell, and can change after the URL was looked at.
    expect(codeOf(azure.replace('sp=rl', 'si=policy'))).toBe('store/writable');
    expect(codeOf(azure.replace('sp=rl&', ''))).toBe('store/writable');
    expect(codeOf(azure.replace('sp=rl', 'sp=c'), zone, 'write')).toBe(
      'https://account.blob.core.windows.net',
    );
  });

  it('are not judged by a list that is itself wrong', () => {
    for (const entry of [
      'https://store.example/',
      'store.example',
      'https://*',
      'https://*.net',
      'https://a/b',
    ]) {
      expect([entry, codeOf(azure, [entry])]).toEqual([entry, 'store/bad-url']);
    }
  });
});

describe('fetching from stores', () => {
  it('goes to listed origins only', async () => {
    const fetch = storeFetch(['https://*.store.example', 'https://10.0.0.1']);
    for (const url of ['https://127.0.0.1/x', 'https://evil.example/x', 'https://10.0.0.1:8443/x']) {
      await expect(fetch(url)).rejects.toMatchObject({ code: 'store/not-allowed' });
    }
    fetch.close();
  });

  it('connects a zone’s names to public addresses only, and a name in full to any', () => {
    const allows = storeAddresses([
      'https://*.store.example',
      'http://127.0.0.1:1',
      'https://inner.store.example',
    ]);
    expect(allows('20.60.1.2', 'a.store.example')).toBe(true);
    expect(allows('169.254.169.254', 'a.store.example')).toBe(false);
    expect(allows('10.0.0.7', 'a.store.example')).toBe(false);
    expect(allows('10.0.0.7', 'inner.store.example')).toBe(true);
    expect(allows('127.0.0.1', '127.0.0.1')).toBe(true);
  });
});
