// @peculiar/x509 wires itself with tsyringe, which asks for a metadata polyfill of Reflect when it is loaded. These are the
// four functions that it calls. Import this file before @peculiar/x509.
type MetadataReflect = typeof Reflect & {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  hasOwnMetadata?: (key: unknown, target: object) => boolean;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
};

const kept = new WeakMap<object, Map<unknown, unknown>>();
const reflect: MetadataReflect = Reflect;

function find(key: unknown, target: object | null): unknown {
  for (let at = target; at !== null; at = Object.getPrototypeOf(at)) {
    if (kept.get(at)?.has(key)) return kept.get(at)?.get(key);
  }
  return undefined;
}

if (reflect.getMetadata === undefined) {
  reflect.getMetadata = find;
  reflect.getOwnMetadata = (key, target) => kept.get(target)?.get(key);
  reflect.hasOwnMetadata = (key, target) => kept.get(target)?.has(key) ?? false;
  reflect.defineMetadata = (key, value, target) => {
    const own = kept.get(target) ?? new Map<unknown, unknown>();
    kept.set(target, own.set(key, value));
  };
}
