export {
  groupFile,
  isReadable,
  makeGroup,
  ownV1Folder,
  removeGroup,
  unifiedFolders,
  writeSetting,
} from './control-groups.ts';
export { mayExecute } from './mounts.ts';
export { processesOf } from './processes.ts';
export { coreless } from './coreless.ts';
export { findProgram } from './programs.ts';
