// Needs root and control groups of version 1, like the machines that run the tests; elsewhere there is nothing to leave.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { makeGroup, ownV1Folder, removeGroup } from '@sealroom/host/linux';
import { expect, test } from 'vitest';
import { removeLeftGroups } from './room-user.ts';

const parent = process.getuid?.() === 0 ? ownV1Folder('pids') : undefined;
if (parent === undefined) console.log('skipped: no control groups of version 1 that this user may make');

test.skipIf(parent === undefined)(
  'control groups of a node that is gone are removed, those of a live one stay',
  async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid;
    const make = (name: string) => makeGroup(parent ?? '', name, 'v1') ?? '';
    const left = make(`sealroom-room-${gone}-7`);
    const inside = makeGroup(left, 'algorithm', 'v1') ?? '';
    const live = make(`sealroom-room-${process.pid}-7`);
    const other = make(`sealroom-other-${gone}-7`);
    try {
      expect([left, inside, live, other].map(existsSync)).toEqual([true, true, true, true]);
      await removeLeftGroups();
      expect([left, inside, live, other].map(existsSync)).toEqual([false, false, true, true]);
    } finally {
      for (const group of [inside, left, live, other]) removeGroup(group);
    }
  },
);
