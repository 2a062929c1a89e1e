// The little of XML 1.0 in which NVIDIA writes reference manifests, and its canonical form (Canonical XML 1.1, without
// comments) of a whole document or of one element. What signatures over XML are attacked with does not exist in it: document
// types, entities and character references, comments, processing instructions, CDATA, `xml:` attributes, characters outside
// ASCII, and line ends that a parser would change are all refused. What remains has one reading.
import { AttestError } from '../error.ts';

export type XmlAttribute = {
  readonly name: string;
  readonly namespace: string;
  readonly local: string;
  readonly value: string;
};

export type XmlElement = {
  readonly name: string;
  readonly namespace: string;
  readonly local: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly (XmlElement | string)[];
  /** Namespaces by prefix in scope here; `''` is the default. */
  readonly scope: ReadonlyMap<string, string>;
};

const LARGEST = 1024 * 1024;
const DEEPEST = 16;
const MOST_ELEMENTS = 4096;
const NAME = '[A-Za-z_][A-Za-z0-9_.-]*';
const ATTRIBUTE = `[ \\n]+(?:${NAME}:)?${NAME}[ ]*=[ ]*(?:"[^"'<&\\n\\t]*"|'[^"'<&\\n\\t]*')`;
const DECLARATION =
  /^<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?(?: standalone="(?:yes|no)")?\?>\n?/;

function broken(): AttestError {
  return new AttestError('attest/bad-manifest', 'The document is not the plain XML of reference manifests.');
}

type Open = {
  name: string;
  given: [string, string][];
  scope: Map<string, string>;
  children: (XmlElement | string)[];
};

function split(name: string): [string, string] {
  const at = name.indexOf(':');
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}

function namespaceOf(prefix: string, scope: ReadonlyMap<string, string>): string {
  const found = scope.get(prefix);
  if (found === undefined && prefix !== '') throw broken();
  return found ?? '';
}

function scopeOf(
  given: readonly [string, string][],
  outer: ReadonlyMap<string, string>,
): Map<string, string> {
  const scope = new Map(outer);
  for (const [name, value] of given) {
    const [prefix, local] = split(name);
    if (name !== 'xmlns' && prefix !== 'xmlns') continue;
    const reserved = local === 'xml' || (local === 'xmlns' && prefix !== '');
    if (value === '' || reserved || value.includes('/XML/1998/namespace') || value.includes('/2000/xmlns/'))
      throw broken();
    scope.set(name === 'xmlns' ? '' : local, value);
  }
  return scope;
}

function closed({ name, given, scope, children }: Open): XmlElement {
  const [prefix, local] = split(name);
  const attributes = given
    .filter(([attribute]) => attribute !== 'xmlns' && !attribute.startsWith('xmlns:'))
    .map(([attribute, value]): XmlAttribute => {
      const [ofAttribute, localName] = split(attribute);
      const namespace = ofAttribute === '' ? '' : namespaceOf(ofAttribute, scope);
      return { name: attribute, namespace, local: localName, value };
    });
  const unique = new Set(attributes.map((one) => `${one.namespace} ${one.local}`));
  if (unique.size !== attributes.length || new Set(given.map(([one]) => one)).size !== given.length)
    throw broken();
  return { name, namespace: namespaceOf(prefix, scope), local, attributes, children, scope };
}

/** A loop and no expression: one that looks for the end from each sign takes the square of the time. */
function withoutLastLines(text: string): string {
  let end = text.length;
  while (text[end - 1] === '\n') end -= 1;
  return text.slice(0, end);
}

/** The document's one element. @throws attest/bad-manifest · attest/too-large */
export function parseXml(text: string): XmlElement {
  if (text.length > LARGEST)
    throw new AttestError('attest/too-large', 'The document is larger than reference manifests are.');
  const body = withoutLastLines(text.replace(DECLARATION, ''));
  if (/[^\n\t\x20-\x7e]/.test(body)) throw broken();
  const token = new RegExp(`<(/?)((?:${NAME}:)?${NAME})((?:${ATTRIBUTE})*)[ \\n]*(/?)>|([^<>&]+)`, 'y');
  const stack: Open[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  const finish = (open: Open) => {
    const element = closed(open);
    const parent = stack.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
  };
  while (token.lastIndex < body.length) {
    const match = token.exec(body);
    const top = stack.at(-1);
    if (!match || root) throw broken();
    const [, closing, name, attributes = '', empty, words] = match;
    if (words !== undefined) {
      if (!top) throw broken();
      top.children.push(words);
    } else if (closing) {
      if (attributes !== '' || empty || top?.name !== name) throw broken();
      stack.pop();
      finish(top as Open);
    } else {
      elements += 1;
      if (elements > MOST_ELEMENTS || stack.length >= DEEPEST) throw broken();
      const given = [...attributes.matchAll(/([^\s=]+) *= *["']([^"']*)["']/g)].map(
        ([, key = '', value = '']): [string, string] => [key, value],
      );
      const open = { name: name ?? '', given, scope: scopeOf(given, top?.scope ?? new Map()), children: [] };
      if (empty) finish(open);
      else stack.push(open);
    }
  }
  if (!root || stack.length > 0) throw broken();
  return root;
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function written(
  element: XmlElement,
  outer: ReadonlyMap<string, string>,
  without: XmlElement | undefined,
): string {
  const spaces = [...element.scope]
    .filter(([prefix, value]) => outer.get(prefix) !== value)
    .toSorted(([a], [b]) => byText(a, b))
    .map(([prefix, value]) => ` ${prefix === '' ? 'xmlns' : `xmlns:${prefix}`}="${value}"`);
  const attributes = element.attributes
    .toSorted((a, b) => byText(a.namespace, b.namespace) || byText(a.local, b.local))
    .map(({ name, value }) => ` ${name}="${value}"`);
  const children = element.children
    .filter((child) => child !== without)
    .map((child) => (typeof child === 'string' ? child : written(child, element.scope, without)));
  return `<${element.name}${spaces.join('')}${attributes.join('')}>${children.join('')}</${element.name}>`;
}

/** Canonical XML 1.1 of an element with all that is in it, but for one element. */
export function canonicalXml(element: XmlElement, without?: XmlElement): string {
  return written(element, new Map(), without);
}

/** The elements directly in this one. */
export function elementsIn({ children }: XmlElement): XmlElement[] {
  return children.filter((child) => typeof child !== 'string');
}

/** What an element without elements in it says. @throws attest/bad-manifest when there are any */
export function wordsIn({ children }: XmlElement): string {
  return children
    .map((child) => {
      if (typeof child !== 'string') throw broken();
      return child;
    })
    .join('');
}
