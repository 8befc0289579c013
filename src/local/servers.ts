import { join } from 'node:path';
import type { Logger } from 'pino';
import { reasonOf } from './errors.js';
import { planMongo } from './mongo.js';
import { endLeftovers, type OwnedProcess, startProcess } from './process.js';
import { planTemporal } from './temporal.js';
