// One mutated input of a target: by its form mostly, by bytes now and then, and rarely blown up.
import { BytesError, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { type ByteSources, inflate, mutateBytes } from './bytes.ts';
import { mutateCbor } from './cbor.ts';
import { mutateJson } from './json.ts';
import type { Random } from './random.ts';
import { mutateText } from './text.ts';

/** How the input of a decoder is built; `text` and `bytes` have no tree. */
export type Form = 'json' | 'cbor' | 'text' | 'bytes';

export type Mutating = ByteSources & {
  readonly form: Form;
  /** Bytes of an input that is blown up. */
  readonly large: number;
};

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes);
  } catch (error) {
    if (error instanceof BytesError) return undefined;
    throw error;
  }
}

/** Changes bytes by what they turn out to hold. */
function changeInside(random: Random, bytes: Uint8Array, sources: ByteSources, depth = 0): Uint8Array {
  if (depth < 4 && random.below(5) > 0) {
    const plain = (inner: Uint8Array): Uint8Array => changeInside(random, inner, sources, depth + 1);
    if (bytes[0] === 0x7b || bytes[0] === 0x5b) {
      const text = textOf(bytes);
      const found = text === undefined ? undefined : mutateJson(random, text, text, plain);
      if (found !== undefined) return utf8Encode(found);
    }
    if ((bytes[0] ?? 0) >> 5 >= 4) {
      const found = mutateCbor(random, bytes, bytes, { plain });
      if (found !== undefined) return found;
    }
  }
  return mutateBytes(random, bytes, sources);
}

export function mutate(random: Random, input: Uint8Array, options: Mutating): Uint8Array {
  if (random.once(600)) return inflate(random, input, 1 + random.below(options.large));
  const { form, other } = options;
  const inside = (bytes: Uint8Array): Uint8Array => changeInside(random, bytes, options);
  if (form === 'json' && random.below(8) > 0) {
    const [text, second] = [textOf(input), textOf(other)];
    const found = text === undefined ? undefined : mutateJson(random, text, second ?? text, inside);
    if (found !== undefined) return utf8Encode(found);
  }
  if (form === 'text' && random.below(3) > 0) {
    const [text, second] = [textOf(input), textOf(other)];
    if (text !== undefined) return utf8Encode(mutateText(random, text, second ?? text, inside));
  }
  if (form === 'cbor' && random.below(6) > 0) {
    const found = mutateCbor(random, input, other, { plain: inside });
    if (found !== undefined) return found;
  }
  return mutateBytes(random, input, options);
}
