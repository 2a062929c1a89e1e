// What is done to XML signatures: each trick against a manifest that a fake NVIDIA signed. None of the altered documents may
// give measurements as if they were signed.
import { type FakeNvidia, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { isManifestSigned, parseManifest } from './manifest.ts';
import { canonicalXml, parseXml } from './xml.ts';

const GOOD = 'ab'.repeat(48);
const EVIL = 'cd'.repeat(48);
let nvidia: FakeNvidia;
let signed: string;
let tag: string;
let signature: string;

const made = (edit?: (text: string) => string) =>
  nvidia.manifest({ version: '590.12', golden: new Map([[7, [GOOD]]]), ...(edit && { edit }) });

/** `signed`, `unsigned`, or the code of the error. */
async function outcome(text: string): Promise<string> {
  try {
    const manifest = parseManifest(text);
    if (!manifest) return 'something else';
    return (await isManifestSigned(manifest)) ? 'signed' : 'unsigned';
  } catch (error) {
    return (error as { code?: string }).code ?? 'foreign';
  }
}

beforeAll(async () => {
  nvidia = await fakeNvidia(Date.parse('2026-11-25T12:00:00Z'));
  signed = await made();
  const at = signed.indexOf('<ds:Signature ');
  signature = signed.slice(at, signed.lastIndexOf('</SoftwareIdentity>'));
  tag = signed.replace(signature, '');
});

const BAD = 'attest/bad-manifest';
const evil = () => tag.replace(GOOD, EVIL);

test('a manifest is signed as its signer left it', async () => {
  expect(await outcome(signed)).toBe('signed');
  expect(parseManifest(signed)?.golden.get(7)).toEqual([GOOD]);
});

test('a manifest written otherwise, but canonically the same, is the same', async () => {
  const reordered = signed
    .replace('<Resource active="True" alternatives="1"', "<Resource\n   alternatives='1' active='True'")
    .replace('type="Measurement"', ' type = "Measurement"')
    .replace(/"><\/Resource>/, '" />')
    .replace('<SoftwareIdentity ', '<?xml version="1.0" encoding="UTF-8"?>\n<SoftwareIdentity ');
  expect(reordered).not.toBe(signed);
  expect(await outcome(`${reordered}\n`)).toBe('signed');
});

describe('refused is a manifest', () => {
  test.each<[string, () => string, string]>([
    ['with another value', () => signed.replace(GOOD, EVIL), 'unsigned'],
    ['with another version', () => signed.replace('590.12', '590.13'), 'unsigned'],
    ['with words between', () => signed.replace('<Payload>', '<Payload>x'), 'unsigned'],
    ['with one element more', () => signed.replace('<Meta ', '<Link></Link><Meta '), 'unsigned'],
    ['with no signature', () => tag, BAD],
    ['with its signature not at the end', () => tag.replace('<Meta ', `${signature}<Meta `), BAD],
    ['with two signatures', () => signed.replace(signature, signature + signature), BAD],
    [
      'wrapped in another, whose measurements are read',
      () => evil().replace('</SoftwareIdentity>', `${signed}${signature}</SoftwareIdentity>`),
      BAD,
    ],
    [
      'wrapped in its own signature as an object',
      () =>
        evil().replace(
          /<\/SoftwareIdentity>$/,
          `${signature.replace('</ds:Signature>', `<ds:Object>${tag}</ds:Object></ds:Signature>`)}</SoftwareIdentity>`,
        ),
      BAD,
    ],
    [
      'with a second payload before the signed one',
      () =>
        signed.replace(
          '<Payload>',
          `<Payload>${/<Resource .*<\/Resource>/.exec(evil())?.[0]}</Payload><Payload>`,
        ),
      BAD,
    ],
    [
      'with a payload of another namespace',
      () => signed.replace('<Payload>', '<x:Payload xmlns:x="urn:x">').replace('</Payload>', '</x:Payload>'),
      BAD,
    ],
    ['with an index twice', () => signed.replace(/(<Resource .*<\/Resource>)/, '$1$1'), BAD],
    ['with a comment in a value’s place', () => signed.replace('<Payload>', '<Payload><!-- x -->'), BAD],
    [
      'with a comment in its digest',
      () => signed.replace('<ds:DigestValue>', '<ds:DigestValue><!---->'),
      BAD,
    ],
    ['with a document type', () => `<!DOCTYPE SoftwareIdentity>${signed}`, BAD],
    [
      'with an entity',
      () => `<!DOCTYPE x [<!ENTITY e "x">]>${signed.replace('<Payload>', '<Payload>&e;')}`,
      BAD,
    ],
    ['with a character reference', () => signed.replace('590.12', '590.1&#50;'), BAD],
    ['with a processing instruction', () => signed.replace('<Payload>', '<?x y?><Payload>'), BAD],
    ['with CDATA', () => signed.replace('<Payload>', '<Payload><![CDATA[x]]>'), BAD],
    ['with an attribute twice', () => signed.replace('index="7"', 'index="7" index="8"'), BAD],
    [
      'with an attribute twice by another prefix',
      () => signed.replace('<Payload>', '<Payload xmlns:n="urn:n" xmlns:m="urn:n" n:a="1" m:a="2">'),
      BAD,
    ],
    ['with an attribute of xml', () => signed.replace('<Payload>', '<Payload xml:base="urn:x">'), BAD],
    ['with a prefix that stands for nothing', () => signed.replace('<Payload>', '<Payload y:a="1">'), BAD],
    ['with other line ends', () => signed.replaceAll('\n', '\r\n'), BAD],
    ['with a tab in a value', () => signed.replace('name="GH100"', 'name="GH\t100"'), BAD],
    ['with characters outside ASCII', () => signed.replace('Fake NVIDIA', 'Fake NVIDI\u0410'), BAD],
    ['with a null', () => signed.replace('<Payload>', '<Payload>\0'), BAD],
    [
      'with elements too deep',
      () => signed.replace('<Payload>', `<Payload>${'<a>'.repeat(20)}${'</a>'.repeat(20)}`),
      BAD,
    ],
    ['with an end that has no beginning', () => `${signed}</x>`, BAD],
    ['with two roots', () => `${signed}<x></x>`, BAD],
    ['with words behind it', () => `${signed}x`, BAD],
    ['that is another element', () => signed.replaceAll('SoftwareIdentity', 'SoftwareIdentityX'), BAD],
    ['with a reference to a part of it', () => signed.replace('URI=""', 'URI="#x"'), BAD],
    ['with a reference to elsewhere', () => signed.replace('URI=""', 'URI="http://example.com/"'), BAD],
    ['with a reference of a type', () => signed.replace('URI=""', 'URI="" Type="x"'), BAD],
    ['with a second reference', () => signed.replace(/(<ds:Reference .*<\/ds:Reference>)/, '$1$1'), BAD],
    [
      'with another transform',
      () =>
        signed.replace(
          /<ds:Transform Algorithm="http:\/\/www.w3.org\/2006[^>]*>/,
          '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116">',
        ),
      BAD,
    ],
    [
      'without the transform that leaves the signature out',
      () => signed.replace(/<ds:Transform Algorithm="[^"]*enveloped-signature"><\/ds:Transform>/, ''),
      BAD,
    ],
    [
      'with comments kept',
      () => signed.replace('xml-c14n11"></ds:Canon', 'xml-c14n11#WithComments"></ds:Canon'),
      BAD,
    ],
    [
      'with HMAC for a signature',
      () => signed.replace('xmldsig-more#ecdsa-sha384', 'xmldsig-more#hmac-sha384'),
      BAD,
    ],
    ['with SHA-1 for a digest', () => signed.replace('xmldsig-more#sha384', 'xmldsig-more#sha1'), BAD],
    [
      'with a key in place of certificates',
      () => signed.replaceAll('ds:X509Certificate>', 'ds:KeyValue>'),
      BAD,
    ],
    ['without certificates', () => signed.replace(/<ds:X509Certificate>.*<\/ds:X509Certificate>/, ''), BAD],
    ['with a digest that is no Base64', () => signed.replace('<ds:DigestValue>', '<ds:DigestValue>!'), BAD],
    [
      'with a signature value changed',
      () => signed.replace(/<ds:SignatureValue>..../, '<ds:SignatureValue>AAAA'),
      'unsigned',
    ],
  ])('%s', async (_, make, expected) => {
    expect(make()).not.toBe(signed);
    expect(await outcome(make())).toBe(expected);
  });

  test('whose certificates stand in another order, as the first is the signer', async () => {
    const [, first = '', second = ''] =
      /(<ds:X509Certificate>[^<]*<\/ds:X509Certificate>)(<ds:X509Certificate>[^<]*<\/ds:X509Certificate>)/.exec(
        signed,
      ) ?? [];
    expect(await outcome(signed.replace(first + second, second + first))).toBe('unsigned');
  });

  test.each<[string, (text: string) => string]>([
    ['no active measurement', (text) => text.replace('active="True"', 'active="False"')],
    ['an activity that is neither', (text) => text.replace('active="True"', 'active="true"')],
    ['no alternatives', (text) => text.replace('alternatives="1"', 'alternatives="0"')],
    ['more alternatives than values', (text) => text.replace('alternatives="1"', 'alternatives="2"')],
    [
      'fewer alternatives than values',
      (text) => text.replace(/(ns2:Hash0="[^"]*")/, `$1 ns2:Hash1="${EVIL}"`),
    ],
    ['a value of another namespace', (text) => text.replace('ns2:Hash0', 'Hash0')],
    ['a value of another length', (text) => text.replace(GOOD, GOOD.slice(2))],
    ['another size', (text) => text.replace('size="48"', 'size="32"')],
    ['an index that is no number', (text) => text.replace('index="7"', 'index="7 "')],
    ['no version', (text) => text.replace('colloquialVersion', 'version')],
    ['no chip', (text) => text.replace('product=', 'model=')],
    ['another kind of resource', (text) => text.replace('type="Measurement"', 'type="Other"')],
  ])('that is signed and says %s', async (_, edit) => {
    expect(await outcome(await made(edit))).toBe(BAD);
  });

  test('that is too large, at once', async () => {
    expect(await outcome(`<SoftwareIdentity>${'x'.repeat(10_000_000)}`)).toBe('attest/too-large');
    expect(await outcome(`<SoftwareIdentity ${'a="b" '.repeat(150_000)}`)).toBe(BAD);
    expect(await outcome(`<SoftwareIdentity>${'<a></a>'.repeat(5000)}</SoftwareIdentity>`)).toBe(BAD);
  });
});

test('documents that are something else are not taken for manifests', () => {
  for (const text of ['', '{}', '{"rim":7}', '<a></a>', 'words', '{"tcbInfo":{}}'])
    expect(parseManifest(text)).toBeUndefined();
});

// With an expression for the end this took most of an hour.
test('a long row of ends of lines with something behind it is no document', () => {
  const bad = expect.objectContaining({ code: 'attest/bad-manifest' });
  expect(() => parseXml(`${'\n'.repeat(300_000)}x`)).toThrow(bad);
  expect(() => parseXml('\n'.repeat(300_000))).toThrow(bad);
  expect(parseXml(`<a></a>${'\n'.repeat(1000)}`).local).toBe('a');
});

test('canonical XML declares each namespace where it begins, and sorts', () => {
  const root = parseXml(
    '<a xmlns:z="urn:1" xmlns="urn:0"><z:b  xmlns="urn:0" z:q="1" xmlns:y="urn:2" y:a="2" b="3" a="4"/>x</a>',
  );
  expect(canonicalXml(root)).toBe(
    '<a xmlns="urn:0" xmlns:z="urn:1"><z:b xmlns:y="urn:2" a="4" b="3" z:q="1" y:a="2"></z:b>x</a>',
  );
});
