import { describe, expect, test } from 'vitest';
import { isProcessor, seccompFilter } from './seccomp.ts';
import { type Processor, systemCalls } from './syscalls.ts';

const ALLOW = 'allow';
const ARCHITECTURE: Readonly<Record<Processor, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** What the kernel would do: runs the filter over struct seccomp_data. An unknown instruction is an error. */
function decide(
  processor: Processor,
  number: number,
  args: readonly number[] = [],
  architecture?: number,
): string {
  const filter = new DataView(seccompFilter(processor).buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture ?? ARCHITECTURE[processor], true);
  args.forEach((value, index) => data.setBigUint64(16 + 8 * index, BigInt(value), true));
  let accumulator = 0;
  for (let at = 0; at < filter.byteLength / 8; at++) {
    const code = filter.getUint16(at * 8, true);
    const value = filter.getUint32(at * 8 + 4, true);
    const jump = (taken: boolean): void => {
      at += filter.getUint8(at * 8 + (taken ? 2 : 3));
    };
    if (code === 0x20) accumulator = data.getUint32(value, true);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x15) jump(accumulator === value);
    else if (code === 0x25) jump(accumulator > value);
    else if (code === 0x35) jump(accumulator >= value);
    else if (code === 0x45) jump((accumulator & value) !== 0);
    else if (code === 0x06) {
      if (value === 0x7fff0000) return ALLOW;
      if (value === 0x80000000) return 'kill';
      return `errno ${value & 0xffff}`;
    } else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error('ran off the end');
}

const EPERM = 'errno 1';
const ENOSYS = 'errno 38';
const EAFNOSUPPORT = 'errno 97';

describe.each(['x64', 'arm64'] as const)('the filter for %s', (processor) => {
  const calls = systemCalls(processor);
  const number = (name: string): number => {
    const found = calls.allowed.get(name) ?? calls.refused.get(name) ?? calls.byArgument.get(name);
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  const ask = (name: string, ...args: number[]): string => decide(processor, number(name), args);

  test('fits into the kernel’s 4096 instructions', () => {
    expect(seccompFilter(processor).length / 8).toBeLessThan(4096);
  });

  test('lists no number twice', () => {
    const all = [...calls.allowed.values(), ...calls.refused.values(), ...calls.byArgument.values()];
    expect(new Set(all).size).toBe(all.length);
  });

  test('decides every number below 1024 as its lists say', () => {
    const byNumber = new Set(calls.byArgument.values());
    const allowed = new Set(calls.allowed.values());
    const refused = new Set(calls.refused.values());
    for (let at = 0; at < 1024; at++) {
      if (byNumber.has(at)) continue;
      const expected = allowed.has(at) ? ALLOW : refused.has(at) ? EPERM : ENOSYS;
      expect([at, decide(processor, at)]).toEqual([at, expected]);
    }
  });

  test.each([
    ['ptrace', EPERM],
    ['mount', EPERM],
    ['bpf', EPERM],
    ['keyctl', EPERM],
    ['setns', EPERM],
    ['unshare', EPERM],
    ['userfaultfd', EPERM],
    ['open_by_handle_at', EPERM],
    ['execve', ALLOW],
    ['futex', ALLOW],
  ])('answers %s with %s', (name, verdict) => {
    expect(ask(name)).toBe(verdict);
  });

  test.each([
    ['clone3', 435],
    ['io_uring_setup', 425],
    ['io_uring_enter', 426],
    ['a call of the future', 900],
  ])('does not know %s', (_, call) => {
    expect(decide(processor, call)).toBe(ENOSYS);
  });

  test('lets clone make threads and processes but no namespace', () => {
    expect(ask('clone', 0x3d0f00)).toBe(ALLOW);
    expect(ask('clone', 17)).toBe(ALLOW);
    for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(ask('clone', flag | 17)).toBe(EPERM);
    }
  });

  test('makes sockets for UNIX, TCP and UDP alone', () => {
    const flags = 0o2004000; // SOCK_CLOEXEC | SOCK_NONBLOCK
    for (const family of [1, 2, 10]) {
      expect(ask('socket', family, 1 | flags, 0)).toBe(ALLOW);
      expect(ask('socket', family, 2, 0)).toBe(ALLOW);
      expect(ask('socket', family, 3, 0)).toBe(EPERM);
    }
    expect(ask('socket', 2, 1, 6)).toBe(ALLOW);
    expect(ask('socket', 2, 1, 262)).toBe(EPERM);
    for (const family of [0, 3, 15, 16, 17, 38, 40, 44])
      expect(ask('socket', family, 1, 0)).toBe(EAFNOSUPPORT);
    // The kernel reads an int: high bits do not make another family of it.
    expect(ask('socket', 2 ** 32 + 17, 1, 0)).toBe(EAFNOSUPPORT);
    expect(ask('socketpair', 1, 1, 0)).toBe(ALLOW);
    expect(ask('socketpair', 16, 1, 0)).toBe(EAFNOSUPPORT);
  });

  test('makes pipes in the file system but no devices', () => {
    expect(ask('mknodat', 0, 0, 0o010600)).toBe(ALLOW);
    expect(ask('mknodat', 0, 0, 0o020600)).toBe(EPERM);
    expect(ask('mknodat', 0, 0, 0o060600)).toBe(EPERM);
  });

  test('types nothing into a terminal and keeps its personality', () => {
    expect(ask('ioctl', 0, 0x5401)).toBe(ALLOW);
    expect(ask('ioctl', 0, 0x5412)).toBe(EPERM);
    expect(ask('ioctl', 0, 0x541c)).toBe(EPERM);
    expect(ask('personality', 0xffffffff)).toBe(ALLOW);
    expect(ask('personality', 0x40000)).toBe(EPERM);
  });

  test('lets limits be set and read, but the core limit read only', () => {
    expect(ask('setrlimit', 7, 1)).toBe(ALLOW);
    expect(ask('setrlimit', 4, 1)).toBe(EPERM);
    expect(ask('setrlimit', 2 ** 32 + 4, 1)).toBe(EPERM);
    expect(ask('prlimit64', 0, 7, 4096, 0)).toBe(ALLOW);
    expect(ask('prlimit64', 0, 4, 0, 4096)).toBe(ALLOW);
    for (const set of [1, 4096, 2 ** 32, 2 ** 40 + 1]) expect(ask('prlimit64', 0, 4, set, 0)).toBe(EPERM);
  });

  test('kills calls of another processor', () => {
    expect(decide(processor, 0, [], 0x40000003)).toBe('kill');
    expect(decide(processor, 0, [], ARCHITECTURE[processor === 'x64' ? 'arm64' : 'x64'])).toBe('kill');
  });
});

test('x32 calls are killed', () => {
  expect(decide('x64', 0x40000000)).toBe('kill');
  expect(decide('x64', 0x40000000 + 520)).toBe('kill');
});

test('there are filters for two processors', () => {
  expect(['x64', 'arm64', 'ia32', 'riscv64'].map(isProcessor)).toEqual([true, true, false, false]);
});
