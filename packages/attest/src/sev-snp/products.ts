// AMD's products and what differs between them: processor models, and where the parts of a TCB version lie. AMD SEV-SNP
// Firmware ABI (document 56860), TCB_VERSION and the layout from Turin on; VCEK Certificate and KDS Interface (57230).
// Parts are compared one by one: the eight bytes are no integer, and read in another product's layout they are other parts.

export const PRODUCTS = ['Milan', 'Genoa', 'Turin'] as const;
/** `Genoa` is also Bergamo and Siena: they are signed under its root. */
export type Product = (typeof PRODUCTS)[number];

export const PARTS = ['fmc', 'bootloader', 'tee', 'snp', 'microcode'] as const;
export type Part = (typeof PARTS)[number];
/** Security versions of a platform; `fmc` is there on Turin only and 0 elsewhere. */
export type Tcb = { readonly [part in Part]: number };

/** The position of each part, and those of the bytes that must be zero. */
const LAYOUTS: Readonly<
  Record<
    Product,
    { readonly parts: readonly (readonly [Part, number])[]; readonly reserved: readonly number[] }
  >
> = {
  Milan: {
    parts: [
      ['bootloader', 0],
      ['tee', 1],
      ['snp', 6],
      ['microcode', 7],
    ],
    reserved: [2, 3, 4, 5],
  },
  Genoa: {
    parts: [
      ['bootloader', 0],
      ['tee', 1],
      ['snp', 6],
      ['microcode', 7],
    ],
    reserved: [2, 3, 4, 5],
  },
  Turin: {
    parts: [
      ['fmc', 0],
      ['bootloader', 1],
      ['tee', 2],
      ['snp', 3],
      ['microcode', 7],
    ],
    reserved: [4, 5, 6],
  },
};

/** The parts of a TCB version, and whether the bytes that this product does not use are zero. */
export function readTcb(bytes: Uint8Array, product: Product): { readonly tcb: Tcb; readonly plain: boolean } {
  const { parts, reserved } = LAYOUTS[product];
  const tcb = { fmc: 0, bootloader: 0, tee: 0, snp: 0, microcode: 0 };
  for (const [part, at] of parts) tcb[part] = bytes[at] ?? 0;
  return { tcb, plain: reserved.every((at) => bytes[at] === 0) };
}

/** The eight bytes of a TCB version. */
export function writeTcb(tcb: Tcb, product: Product): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  for (const [part, at] of LAYOUTS[product].parts) bytes[at] = tcb[part];
  return bytes;
}

/** Whether no part is less than that of the floor. */
export function reaches(tcb: Tcb, floor: { readonly [part in Part]?: number | undefined }): boolean {
  return PARTS.every((part) => tcb[part] >= (floor[part] ?? 0));
}

export function sameTcb(a: Tcb, b: Tcb): boolean {
  return PARTS.every((part) => a[part] === b[part]);
}

export function tcbText(tcb: Tcb, product: Product): string {
  return LAYOUTS[product].parts.map(([part]) => `${part} ${tcb[part]}`).join(', ');
}

/** The product of a processor by CPUID family and model (combined, as reports of version 3 and later have them). */
export function productOfProcessor(family: number, model: number): Product | undefined {
  if (family === 0x19 && model <= 0x0f) return 'Milan';
  if (family === 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf)))
    return 'Genoa';
  if (family === 0x1a && model <= 0x11) return 'Turin';
  return undefined;
}
