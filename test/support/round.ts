import { beginRound, type Round } from '../../src/activities/upkeep/round.js';
import { quietLogger } from './logger.js';

/** A round of periodic work that nobody cancels. */
export function testRound(): Round {
  return beginRound(quietLogger, new AbortController().signal);
}
