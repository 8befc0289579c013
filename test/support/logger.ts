import { pino } from 'pino';

/** A logger for tests: silent unless VT_TEST_LOG names a level. */
export const quietLogger = pino({ level: process.env.VT_TEST_LOG ?? 'silent' });
