import { expect, test } from 'vitest';
import { bringsPython, checkModules, compiledModules, describeModules, versionOfImage } from './compiled.ts';
import { PackageError } from './error.ts';

const foreign = expect.objectContaining({ constructor: PackageError, code: 'package/foreign-modules' });
const LINUX = 'deps/numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so';

test('compiled modules say which Python and platform they are for', () => {
  const modules = compiledModules([LINUX, 'a/b.py', 'deps/numpy.libs/libopenblas-1.2.so', 'x.pyc']);
  expect(modules).toEqual([{ path: LINUX, variants: [{ version: '3.11', platform: 'x86_64-linux-gnu' }] }]);
  expect(describeModules(modules)).toBe('CPython 3.11 on x86_64-linux-gnu');
  expect(describeModules([])).toBeUndefined();
});

test('a module fits where one of its variants does', () => {
  const several = compiledModules([LINUX, LINUX.replace('311', '312'), LINUX.replace('x86_64', 'aarch64')]);
  expect(several).toHaveLength(1);
  for (const version of ['3.11', '3.12']) expect(() => checkModules(several, { version })).not.toThrow();
  expect(() => checkModules(several, { architecture: 'aarch64' })).not.toThrow();
  expect(() => checkModules(several, { version: '3.12', architecture: 'aarch64' })).toThrow(foreign);
  expect(() => checkModules(several, { version: '3.1' })).toThrow(foreign);
});

test('each module must fit, not only one of them', () => {
  const mixed = compiledModules([LINUX, 'deps/scipy/_c.cpython-312-x86_64-linux-gnu.so']);
  expect(() => checkModules(mixed, {})).not.toThrow();
  expect(() => checkModules(mixed, { version: '3.11' })).toThrow(foreign);
  expect(() => checkModules(mixed, { version: '3.12' })).toThrow(foreign);
});

test.each(['a/m.cp311-win_amd64.pyd', 'a/m.cpython-311-darwin.so', 'a/m.cpython-313t-x86_64-linux-gnu.so'])(
  'a module for another system or build of Python is refused: %s',
  (path) => {
    expect(() => checkModules(compiledModules([path]), { version: '3.13' })).toThrow(foreign);
  },
);

test('a module that has a variant for any version is not held to its tagged ones', () => {
  for (const plain of ['a/m.abi3.so', 'a/m.so']) {
    expect(compiledModules(['a/m.cpython-39-darwin.so', plain])).toEqual([]);
  }
  expect(compiledModules(['a/m.cpython-39-darwin.so', 'b/m.abi3.so'])).toHaveLength(1);
});

test('a package with an interpreter of its own is told by its name', () => {
  for (const path of ['runtime/bin/python3.13', 'python', 'bin/python3'])
    expect(bringsPython([path])).toBe(true);
  for (const path of ['python.py', 'python3-config', 'python/x', 'ipython']) {
    expect(bringsPython([path])).toBe(false);
  }
});

test.each([
  ['python:3.11-slim', '3.11'],
  ['docker.io/library/python:3.9.18@sha256:0', '3.9'],
  ['python:3', undefined],
  ['python', undefined],
  ['mypython:3.11', undefined],
  ['debian:12', undefined],
])('the base image %s names Python %s', (base, version) => {
  expect(versionOfImage(base)).toBe(version);
});
