// The launch digest of SNP_LAUNCH_UPDATE (AMD SEV-SNP Firmware ABI, document 56860, section 8.17): for every page, in the order of
// launch, SHA-384 over PAGE_INFO, which holds the digest so far, the hash of the page's content, its type and its address.
import { type Bytes, concat } from '@sealroom/bytes';
import { PAGE } from './firmware.ts';

export const PAGE_TYPE = { normal: 1, vmsa: 2, zero: 3, unmeasured: 4, secrets: 5, cpuid: 6 } as const;
type PageType = (typeof PAGE_TYPE)[keyof typeof PAGE_TYPE];

const SIZE = 48;
const INFO_SIZE = 0x70;
/** Pages whose content is hashed at once. */
const AT_ONCE = 64;
/** Where the firmware records the state of a processor: the highest page of 52 bits. */
const VMSA_ADDRESS = 0xffff_ffff_f000;

async function sha384(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-384', bytes));
}

/** What was launched so far. */
export class LaunchDigest {
  #digest: Bytes = new Uint8Array(SIZE);

  get value(): Bytes {
    return this.#digest;
  }

  async #extend(type: PageType, address: number, content: Uint8Array): Promise<void> {
    const info = concat(this.#digest, content, new Uint8Array(INFO_SIZE - 2 * SIZE));
    const view = new DataView(info.buffer);
    view.setUint16(0x60, INFO_SIZE, true);
    info[0x62] = type;
    view.setBigUint64(0x68, BigInt(address), true);
    this.#digest = await sha384(info);
  }

  /** Pages with content; the length is a multiple of 4096. */
  async data(address: number, bytes: Bytes): Promise<void> {
    for (let at = 0; at < bytes.length; at += PAGE * AT_ONCE) {
      const pages = Math.min(AT_ONCE, (bytes.length - at) / PAGE);
      const hashes = await Promise.all(
        Array.from({ length: pages }, async (_, page) =>
          sha384(bytes.slice(at + page * PAGE, at + (page + 1) * PAGE)),
        ),
      );
      for (const [page, hash] of hashes.entries())
        await this.#extend(PAGE_TYPE.normal, address + at + page * PAGE, hash);
    }
  }

  /** Pages whose content is not measured: zeros, or what the firmware or host fills in. */
  async empty(type: PageType, address: number, length: number): Promise<void> {
    for (let at = 0; at < length; at += PAGE) await this.#extend(type, address + at, new Uint8Array(SIZE));
  }

  /** The state that a processor begins with. */
  async processor(page: Bytes): Promise<void> {
    await this.#extend(PAGE_TYPE.vmsa, VMSA_ADDRESS, await sha384(page));
  }
}
