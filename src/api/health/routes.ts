import type { ApiDeps } from '../deps.js';
import { Refusal } from '../http/refusals.js';
import { json, publicRoute, type Route } from '../http/route.js';

const QUESTION_LIMIT_MS = 1_000;
const RETRY_AFTER_SECONDS = '5';

type Checks = { mongodb: 'ok' | 'unreachable'; temporal: 'ok' | 'unreachable' };

/** Routes for supervisors and load balancers. They tell states only, no addresses. */
export function createHealthRoutes({ store, workflows }: ApiDeps): Route[] {
  const check = shared(async (): Promise<Checks> => {
    const [mongodb, temporal] = await Promise.all([answersQuestion(store.database.db), workflows.isReachable()]);
    return { mongodb: mongodb ? 'ok' : 'unreachable', temporal: temporal ? 'ok' : 'unreachable' };
  });
  return [
    publicRoute({
      method: 'GET',
      path: '/health/live',
      access: { public: 'supervisors have no account; it tells only that the process answers' },
      tag: 'Health',
      summary: 'Whether the process answers',
      description: 'Always 200 while the process can answer; it asks nothing else.',
      answers: { 200: '`{"status": "ok"}`' },
      handle: async () => json({ status: 'ok' }),
    }),
    publicRoute({
      method: 'GET',
      path: '/health/ready',
      access: { public: 'supervisors have no account; it tells only which part is missing' },
      tag: 'Health',
      summary: 'Whether the server can work',
      description: 'Asks MongoDB and Temporal, each with a limit of about a second.',
      answers: { 200: '`{"status": "ok", "checks": {...}}`', 503: 'A part is missing; `checks` tells which' },
      async handle() {
        const checks = await check();
        const missing = [
          ...(checks.mongodb === 'ok' ? [] : ['MongoDB']),
          ...(checks.temporal === 'ok' ? [] : ['Temporal']),
        ];
        if (missing.length === 0) return json({ status: 'ok', checks });
        const message = `Not reachable: ${missing.join(', ')}`;
        return new Refusal(503, 'unavailable', message, { checks }, { 'Retry-After': RETRY_AFTER_SECONDS });
      },
    }),
  ];
}

// Not a ping: a server whose disk has been full may answer that one and nothing else.
async function answersQuestion(db: ApiDeps['store']['database']['db']): Promise<boolean> {
  try {
    await db.collection('settings').findOne({}, { projection: { _id: 1 }, timeoutMS: QUESTION_LIMIT_MS });
    return true;
  } catch {
    // The answer is that it is not reachable; whoever needs it logs the reason.
    return false;
  }
}

// Many askers at once cost one check.
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}
