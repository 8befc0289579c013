import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { followJob, followProcess, type Session } from '../../../src/demo/client/follow.js';
import { createClient } from '../../../src/demo/client/http.js';
import { openLiveUpdates } from '../../../src/demo/client/live_updates.js';

const WAITING = { state: 'waiting', stage: null, error: null, progress: 0, timestamp: '2026-01-01T00:00:00Z' };
const COMPLETE = { state: 'complete', stage: 'compress', error: null, progress: 1, timestamp: '2026-01-01T00:00:02Z' };
const FAILED = {
  state: 'error',
  stage: 'unpack',
  progress: 0.33,
  timestamp: '2026-01-01T00:00:02Z',
  error: { type: 'InvalidInput', details: ['The file is cut off'], step: 'unpack', advice: 'Upload it again.' },
};

/** A server that knows what it is told: answers of GET by path, and messages to push. */
async function smallServer(answers: Record<string, unknown>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { id: 'not_found', message: 'Not found' }));
  });
  const sockets = new WebSocketServer({ server, path: '/ws' });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = new AbortController();
  const updates = await openLiveUpdates(`ws://127.0.0.1:${port}/ws`, 'session_id=a', stop.signal);
  onTestFinished(() => {
    updates.close();
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  const session: Session = {
    client: createClient(`http://127.0.0.1:${port}`, stop.signal),
    updates,
    signal: stop.signal,
  };
  const push = (kind: string, data: unknown) => {
    for (const socket of sockets.clients) socket.send(JSON.stringify({ operation: 'update', interface: kind, data }));
  };
  const drop = () => {
    for (const socket of sockets.clients) socket.terminate();
  };
  return { session, asked, push, drop, stop };
}

const job = (status: unknown[]) => ({ id: 'abcd1234', task: 'create_subtraction', args: {}, status });
const message = (state: string, progress: number) => ({
  id: 'abcd1234',
  task: 'create_subtraction',
  state,
  stage: 'unpack',
  progress,
});
const silent = () => undefined;

test('a job is followed by its messages, those before the first look included', async () => {
  const { session, asked, push } = await smallServer({ '/api/jobs/abcd1234': job([WAITING, COMPLETE]) });
  push('jobs', message('running', 0.33));
  await expect.poll(() => session.updates.counts().jobs).toBe(1);
  const seen: number[] = [];
  const done = followJob(session, 'abcd1234', (fraction) => {
    seen.push(fraction);
    if (fraction === 0.33) push('jobs', message('complete', 1));
  });
  expect((await done).status).toHaveLength(2);
  expect(seen).toEqual([0.33, 1]);
  expect(asked).toEqual(['/api/jobs/abcd1234']);
});

// A proxy may cut the socket, and the work goes on all the same.
test('a job is asked for when messages stay away', async () => {
  const { session, drop } = await smallServer({ '/api/jobs/abcd1234': job([WAITING, COMPLETE]) });
  drop();
  expect((await followJob(session, 'abcd1234', silent)).id).toBe('abcd1234');
});

test('a failed job ends the demo with the reason and the advice of the server', async () => {
  const { session, push } = await smallServer({ '/api/jobs/abcd1234': job([WAITING, FAILED]) });
  push('jobs', message('error', 0.33));
  await expect(followJob(session, 'abcd1234', silent)).rejects.toThrow(
    'The job create_subtraction ended as error in unpack. The file is cut off Upload it again. Its log: /api/jobs/abcd1234/log',
  );
});

test('a failed process ends the demo with its errors', async () => {
  const { session, push } = await smallServer({});
  const process = { id: 'efgh5678', step: 'validate', progress: 0.4, complete: true };
  push('processes', { ...process, errors: [{ id: 'duplicate_ids', message: 'Duplicate OTU ids found' }] });
  await expect(followProcess(session, 'efgh5678', silent)).rejects.toThrow(
    'The process failed in validate: Duplicate OTU ids found',
  );
});

test('an abort ends the waiting at once', async () => {
  const { session, stop } = await smallServer({});
  const waiting = followJob(session, 'abcd1234', silent);
  stop.abort(new Error('Ctrl-C'));
  await expect(waiting).rejects.toThrow('Ctrl-C');
});

test('a message that cannot be read is counted and harms nothing', async () => {
  const { session, push } = await smallServer({ '/api/jobs/abcd1234': job([WAITING, COMPLETE]) });
  push('jobs', null);
  for (const data of [7, [], { id: 5 }]) push('jobs', data);
  push('jobs', message('complete', 1));
  await followJob(session, 'abcd1234', silent);
  expect(session.updates.counts()).toEqual({ jobs: 5 });
});
