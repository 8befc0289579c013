export { formatTable, runDoctor } from './doctor/index.js';
export type { DoctorOptions, DoctorRow } from './doctor/row.js';
export { LocalError } from './errors.js';
export {
  controlElsewhere,
  livingSupervisor,
  machineName,
  requireUnused,
  requireWritable,
  takeControl,
  takeDataFolder,
  takeToolQueue,
} from './machine/data_folder.js';
export { freePort } from './machine/ports.js';
export { plainLogger } from './prepare.js';
export type { ProcessEvent } from './processes/keeper.js';
export { readyWhenSaid } from './processes/readiness.js';
export { stopOnSignal } from './processes/signals.js';
export { EXIT_UNUSABLE } from './processes/start_failed.js';
export { type ServerOptions, type Servers, startServers } from './servers/index.js';
export { requireMongo } from './servers/mongo/check.js';
export { type ChildSpec, type Stack, startStack } from './supervisor.js';
