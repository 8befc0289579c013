export { formatTable, runDoctor } from './doctor.js';
export type { DoctorOptions, DoctorRow } from './doctor_row.js';
export { LocalError } from './errors.js';
export type { ProcessEvent } from './keeper.js';
export { prepareMachine } from './prepare.js';
export { readyWhenAnswers, readyWhenSaid } from './readiness.js';
export { type ServerFacts, type ServerOptions, type Servers, startServers } from './servers.js';
export { stopOnSignal } from './signals.js';
export { type ChildSpec, type Stack, type StackOptions, startStack } from './supervisor.js';
