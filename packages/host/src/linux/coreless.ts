// Starts a program whose memory no core dump keeps. A limit of 0 stops files only: where core_pattern names a program the
// kernel pipes the dump to it all the same. It does not for a limit of one byte (fs/coredump.c), which is too small for a
// file as well. Where util-linux's prlimit is missing the limit is 0.
// What a shell adds to the environment is taken out again.
const SCRIPT =
  'prlimit --pid $$ --core=1:1 2>/dev/null || ulimit -c 0; exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"';

/** Command words that set the limit and then become `argv`. */
export function coreless(argv: readonly string[]): string[] {
  return ['/bin/sh', '-c', SCRIPT, 'sh', ...argv];
}
