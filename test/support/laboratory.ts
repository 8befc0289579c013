import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createApp } from '../../src/api/app.js';
import type { ApiDeps } from '../../src/api/deps.js';
import type { Caller } from '../../src/api/http/caller.js';
import { readConfig } from '../../src/config.js';
import { PERMISSIONS, type Permission } from '../../src/contracts/permissions.js';
import type { WorkflowStart } from '../../src/contracts/workflow_starts.js';
import { createDataDirectory } from '../../src/files/data_directory.js';
import { createIndexFiles } from '../../src/files/index_files.js';
import { ensureIndexes } from '../../src/store/database/indexes.js';
import type { FileType } from '../../src/store/files.js';
import { createStore } from '../../src/store/index.js';
import { openWatchedDatabase } from './command_rules.js';
import { quietLogger } from './logger.js';
import { unreachableServices } from './remote.js';
import { testDatabase } from './servers.js';

/** An answer, read. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every form
export type Answer = { status: number; headers: Headers; body: any };

/** Users that tests name: `head` is an administrator, the others have the permissions and groups that are given. */
export type Users = Record<string, { permissions?: Permission[]; groups?: string[] }>;

/** The application on an empty database and data directory; `X-User` says who asks, and workflows are written down. */
export type Laboratory = Awaited<ReturnType<typeof laboratory>>;

/** Builds the application; more of an index than `largestInDocument` lies in files. `onCancel` stands for what Temporal does with a job that is to be cancelled. */
export async function laboratory(users: Users = {}, options: { largestInDocument?: number } = {}) {
  const temporary = await testDatabase();
  const database = await openWatchedDatabase({ url: temporary.url, name: temporary.name });
  await ensureIndexes(database);
  const folder = mkdtempSync(join(inject('runFolder'), 'data-'));
  const data = createDataDirectory(folder);
  await data.create();
  const store = createStore(database, createIndexFiles(data, options.largestInDocument));
  await store.settings.ensure();
  const started: WorkflowStart[] = [];
  const cancelled: string[] = [];
  const hooks: { onStart: () => Promise<void>; onCancel: (workflowId: string) => Promise<void> } = {
    onStart: async () => undefined,
    onCancel: async () => undefined,
  };
  const remote = unreachableServices();
  const deps: ApiDeps = {
    config: readConfig({ argv: [], environment: {}, directory: '/nonexistent' }),
    store,
    files: data,
    workflows: {
      start: async (start) => {
        started.push(start);
        await hooks.onStart();
      },
      cancel: async (workflowId) => {
        cancelled.push(workflowId);
        await hooks.onCancel(workflowId);
      },
      isReachable: async () => true,
    },
    remote,
    log: quietLogger,
    version: 'v9.8.7',
  };
  const app = createApp(deps, async (context) => callerOf(context.req.header('X-User'), users));

  const send = async (
    user: string,
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const content =
      body === undefined || body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body);
    const request = {
      method,
      headers: { 'X-User': user, ...headers },
      ...(content === undefined ? {} : { body: content }),
    };
    return readAnswer(await app.request(path, request));
  };

  return {
    app,
    deps,
    data,
    store,
    database,
    databaseUrl: temporary.url,
    databaseName: temporary.name,
    started,
    cancelled,
    remote,
    hooks,
    send,

    /** Uploads a file with this content and gives its id. */
    async upload(type: FileType, name: string, content = 'content', user = 'head'): Promise<string> {
      const answer = await send(user, 'POST', `/upload/${type}?name=${encodeURIComponent(name)}`, formOf(content));
      if (answer.status !== 201) throw new Error(`upload of ${name} answered ${answer.status}`);
      return answer.body.id;
    },

    /** Inserts a subtraction that samples can use. */
    async addHost(name: string, changes: Record<string, unknown> = {}): Promise<void> {
      await store.subtractions.collection.insertOne({
        _id: name,
        nickname: '',
        ready: true,
        is_host: true,
        file: { id: 'hostfile-host.fa.gz', name: 'host.fa.gz' },
        user: { id: 'head' },
        job: { id: 'hostjob1' },
        ...changes,
      });
    },

    async dispose() {
      await database.close();
      await temporary.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A multipart body with one file. */
export function formOf(content: string | Uint8Array<ArrayBuffer>, field = 'file'): FormData {
  const form = new FormData();
  form.append(field, new Blob([content]), 'blob');
  return form;
}

function callerOf(user: string | undefined, users: Users): Caller | undefined {
  if (user === undefined) return undefined;
  const { permissions = [], groups = [] } = users[user] ?? {};
  const granted = Object.fromEntries(PERMISSIONS.map((name) => [name, permissions.includes(name)]));
  return {
    via: 'session',
    userId: user,
    administrator: user === 'head',
    groups,
    permissions: granted as Caller['permissions'],
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
