// Run parameters: which names may exist, what a contract can ask of their values (protocol.md section 8), and the check.
import { z } from 'zod';
import { ContractError } from './error.ts';

const NAME = /^[a-zA-Z][a-zA-Z0-9]*([_.-][a-zA-Z0-9]+)*$/;

/** Names that a loader, shell, interpreter or network library reads: never a parameter's. */
const RESERVED =
  /^(?:LD_.*|DYLD_.*|PATH|IFS|ENV|HOME|SHELL|USER|PWD|OLDPWD|TMPDIR|TEMP|TMP|LANG|LANGUAGE|LC_.*|TZ|TERM|TZDIR|CDPATH|BASH.*|PS[0-9]|SHELLOPTS|GLOBIGNORE|PROMPT.*|PYTHON.*|NODE.*|NPM.*|PERL.*|RUBY.*|GEM.*|JAVA.*|JDK.*|CLASSPATH|R_.*|RENV.*|LUA_.*|GCONV_PATH|MALLOC_.*|GLIBC.*|NLSPATH|LOCPATH|HOSTALIASES|RES_OPTIONS|RESOLV.*|LOCALDOMAIN|[a-z]*_?proxy|.*_PROXY|.*_PROXY_.*|CURL_.*|SSL.*|OPENSSL.*|REQUESTS_.*|AWS_.*|AZURE_.*|GOOGLE_.*|SSH_.*|GIT_.*|OMP_.*|MKL_.*|OPENBLAS.*|ENCLAVE.*|ESCROW.*|SEALROOM.*|DOTNET.*|COMPLUS_.*|CORECLR_.*|COR_.*|JULIA_.*|GODEBUG|GOTRACEBACK|PHP.*|TCL.*|GUILE_.*|ERL_.*|BUN_.*|DENO_.*|OCAML.*|CAML_.*|LIBRARY_PATH|LIBPATH|SHLIB_PATH|ZDOTDIR|FPATH|INPUTRC|TERMINFO.*|TERMCAP|EDITOR|VISUAL|PAGER|LESSOPEN|LESSCLOSE|MANPAGER|PIP_.*|CONDA.*|VIRTUAL_ENV.*|XDG_.*|CUDA_.*|NCCL_.*|constructor|prototype|toString|valueOf|hasOwnProperty)$/i;

export const parameterName = z
  .string()
  .max(64)
  .regex(NAME, 'a parameter name is letters and digits, joined by single _ . or -')
  .refine((name) => !RESERVED.test(name), 'this name is read by a loader, shell or interpreter');

export const parameterType = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('integer'), minimum: z.int(), maximum: z.int() }),
  z.strictObject({ type: z.literal('string'), maxLength: z.int().min(1).max(4096) }),
  z.strictObject({ type: z.literal('enum'), values: z.array(z.string().max(200)).min(1).max(100) }),
  z.strictObject({ type: z.literal('boolean') }),
]);

export type ParameterType = z.infer<typeof parameterType>;

export const parameterValue = z.union([z.int(), z.boolean(), z.string().max(4096)]);
export type ParameterValue = z.infer<typeof parameterValue>;

function codePoints(text: string): number {
  return Array.from(text).length;
}

function fits(type: ParameterType, value: ParameterValue): boolean {
  switch (type.type) {
    case 'integer':
      return Number.isSafeInteger(value) && Number(value) >= type.minimum && Number(value) <= type.maximum;
    case 'string':
      return typeof value === 'string' && codePoints(value) <= type.maxLength && !value.includes('\0');
    case 'enum':
      return typeof value === 'string' && type.values.includes(value);
    case 'boolean':
      return typeof value === 'boolean';
  }
}

/**
 * Holds the parameters of a request against the contract's declarations. Every one must be declared and fit; a declared
 * one may be left out.
 * @throws contract/parameters naming the first parameter that does not fit.
 */
export function checkParameters(
  declared: Readonly<Record<string, ParameterType>>,
  given: Readonly<Record<string, ParameterValue>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    const type = Object.hasOwn(declared, name) ? declared[name] : undefined;
    if (!type || !parameterName.safeParse(name).success || !fits(type, value)) {
      const shown = NAME.test(name) && name.length <= 64 ? `"${name}"` : 'with an impossible name';
      throw new ContractError(
        'contract/parameters',
        `The parameter ${shown} is not declared in the contract or its value does not fit.`,
      );
    }
  }
}
