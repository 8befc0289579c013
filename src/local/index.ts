export { formatTable, runDoctor } from './doctor.js';
export type { DoctorOptions, DoctorRow } from './doctor_row.js';
export { LocalError } from './errors.js';
export type { ProcessEvent } from './keeper.js';
export { readyWhenSaid } from './readiness.js';
export { type ServerOptions, type Servers, startServers } from './servers.js';
export { stopOnSignal } from './signals.js';
export { type ChildSpec, type Stack, startStack } from './supervisor.js';
