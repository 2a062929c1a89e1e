// The seccomp filter of the sandbox as classic BPF (seccomp(2), struct sock_filter: code u16, jt u8, jf u8, k u32, little
// endian): an allow list by system call number, a few rules by argument, the rest ENOSYS. Another processor's calls and the
// x32 ABI kill the process. The filter says nothing about paths; those are the mounts' business.
import { type Processor, systemCalls } from './syscalls.ts';

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

const LOAD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_GREATER_EQUAL = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW: Instruction = [RETURN, 0, 0, 0x7fff0000];
const KILL_PROCESS: Instruction = [RETURN, 0, 0, 0x80000000];
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const AUDIT_ARCHITECTURE: Readonly<Record<Processor, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
const X32_BIT = 0x40000000;
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
// NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME cannot be asked for through clone(2).
const NEW_NAMESPACES = 0x7e020000;
const FAMILIES = [1, 2, 10]; // UNIX, INET, INET6
const SOCKET_TYPES = [1, 2, 5]; // STREAM, DGRAM, SEQPACKET
const PROTOCOLS = [0, 6, 17]; // default, TCP, UDP
const TERMINAL_INJECTIONS = [0x5412, 0x541c]; // TIOCSTI, TIOCLINUX
const DEVICE_NODES = [0x2000, 0x6000]; // S_IFCHR, S_IFBLK
const RLIMIT_CORE = 4;

function fail(errno: number): Instruction {
  return [RETURN, 0, 0, 0x00050000 | errno];
}

function half(index: number, offset: 0 | 4): Instruction {
  return [LOAD, 0, 0, 16 + 8 * index + offset];
}

// Only the low half of an argument is compared: the kernel reads each of these as a 32-bit value.
function argument(index: number, mask = 0xffffffff): Instruction[] {
  const load = half(index, 0);
  return mask === 0xffffffff ? [load] : [load, [AND, 0, 0, mask]];
}

/** Goes on after the block if the loaded value is one of `values`, else returns `otherwise`. */
function oneOf(values: readonly number[], otherwise: Instruction): Instruction[] {
  return [
    ...values.map((value, index): Instruction => [JUMP_EQUAL, values.length - index, 0, value]),
    otherwise,
  ];
}

/** Returns `refusal` if the loaded value is one of `values`, else goes on after the block. */
function noneOf(values: readonly number[], refusal: Instruction): Instruction[] {
  return values.flatMap((value): Instruction[] => [[JUMP_EQUAL, 0, 1, value], refusal]);
}

// One for each name under BY_ARGUMENT in syscalls.ts; every path ends in a RETURN.
const RULES: Readonly<Record<string, readonly Instruction[]>> = {
  clone: [...argument(0), [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES], fail(EPERM), ALLOW],
  socket: [
    ...argument(0),
    ...oneOf(FAMILIES, fail(EAFNOSUPPORT)),
    ...argument(1, 0xf),
    ...oneOf(SOCKET_TYPES, fail(EPERM)),
    ...argument(2),
    ...oneOf(PROTOCOLS, fail(EPERM)),
    ALLOW,
  ],
  socketpair: [...argument(0), ...oneOf([1], fail(EAFNOSUPPORT)), ALLOW],
  ioctl: [...argument(1), ...noneOf(TERMINAL_INJECTIONS, fail(EPERM)), ALLOW],
  personality: [...argument(0), ...oneOf([0, 0xffffffff], fail(EPERM)), ALLOW],
  mknod: [...argument(1, 0xf000), ...noneOf(DEVICE_NODES, fail(EPERM)), ALLOW],
  // The core limit stays what it was at the start (coreless.ts). Reading it is a prlimit64 whose new value is null.
  setrlimit: [...argument(0), ...noneOf([RLIMIT_CORE], fail(EPERM)), ALLOW],
  prlimit64: [
    ...argument(1),
    [JUMP_EQUAL, 0, 5, RLIMIT_CORE],
    half(2, 0),
    [JUMP_EQUAL, 0, 2, 0],
    half(2, 4),
    [JUMP_EQUAL, 1, 0, 0],
    fail(EPERM),
    ALLOW,
  ],
  mknodat: [...argument(2, 0xf000), ...noneOf(DEVICE_NODES, fail(EPERM)), ALLOW],
};

function ranges(numbers: Iterable<number>): [low: number, high: number][] {
  const found: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

function listed(numbers: Iterable<number>, answer: Instruction): Instruction[] {
  return ranges(numbers).flatMap(([low, high]): Instruction[] =>
    low === high
      ? [[JUMP_EQUAL, 0, 1, low], answer]
      : [[JUMP_GREATER_EQUAL, 0, 2, low], [JUMP_GREATER, 1, 0, high], answer],
  );
}

function program(processor: Processor): Instruction[] {
  const { allowed, refused, byArgument } = systemCalls(processor);
  const out: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE_OFFSET],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURE[processor]],
    KILL_PROCESS,
    [LOAD, 0, 0, NUMBER_OFFSET],
  ];
  if (processor === 'x64') out.push([JUMP_GREATER_EQUAL, 0, 1, X32_BIT], KILL_PROCESS);
  for (const [name, number] of byArgument) {
    const block = RULES[name] ?? [fail(EPERM)];
    out.push([JUMP_EQUAL, 0, block.length, number], ...block);
  }
  out.push(...listed(allowed.values(), ALLOW), ...listed(refused.values(), fail(EPERM)), fail(ENOSYS));
  return out;
}

/** Whether a filter exists for this processor (`process.arch`). */
export function isProcessor(architecture: string): architecture is Processor {
  return architecture === 'x64' || architecture === 'arm64';
}

/** The filter as the bytes that `bwrap --seccomp` reads. */
export function seccompFilter(processor: Processor): Uint8Array {
  const instructions = program(processor);
  const bytes = new DataView(new ArrayBuffer(instructions.length * 8));
  instructions.forEach(([code, jumpTrue, jumpFalse, value], index) => {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, jumpTrue);
    bytes.setUint8(index * 8 + 3, jumpFalse);
    bytes.setUint32(index * 8 + 4, value >>> 0, true);
  });
  return new Uint8Array(bytes.buffer);
}
