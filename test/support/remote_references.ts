import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createImportReferenceActivities } from '../../src/activities/references/import.js';
import { createRemoteReferenceActivities } from '../../src/activities/references/remote_install.js';
import { createUpdateRemoteReferenceActivities } from '../../src/activities/references/remote_update.js';
import { createRemoteServices } from '../../src/remote/index.js';
import type { Store } from '../../src/store/index.js';
import { testFolder } from './folders.js';
import { type Answer, laboratory } from './laboratory.js';
import { quietLogger } from './logger.js';
import { requestImport, runActivity } from './processes.js';
import { githubRelease, type ReleaseServer, sendJson, startReleaseServer } from './release_server.js';

/** Release v1.4.0 of the plant viruses, cut to those of the demo. */
export const OLD_RELEASE = fileURLToPath(new URL('../data/releases/reference-small-old.json.gz', import.meta.url));
/** Release v1.5.0 of the same ones. */
export const NEW_RELEASE = fileURLToPath(new URL('../../demo/reference-small.json.gz', import.meta.url));

export const SLUG = 'virtool/ref-plant-viruses';

/** A reference file as it is read. */
// biome-ignore lint/suspicious/noExplicitAny: tests change files in every place
export type ReferenceFile = any;

/** Writes a changed copy of a reference file. */
export function changedFile(path: string, change: (file: ReferenceFile) => void): string {
  const file = JSON.parse(gunzipSync(readFileSync(path)).toString());
  change(file);
  const changed = join(testFolder(), 'changed.json.gz');
  writeFileSync(changed, gzipSync(JSON.stringify(file)));
  return changed;
}

/** Lets a release service publish files as releases of the plant viruses; the last one is the latest. */
export function publish(server: ReleaseServer, ...releases: readonly (readonly [name: string, path: string])[]): void {
  server.respond = (request, response) => {
    const { pathname } = new URL(request.url ?? '/', server.url);
    const file = releases.find(([name]) => pathname === `/files/${name}`);
    if (file) {
      createReadStream(file[1]).pipe(response);
      return;
    }
    const wanted = pathname.startsWith(`/repos/${SLUG}/releases/`) ? pathname.split('/').at(-1) : undefined;
    const index = wanted === 'latest' || wanted === '11447367' ? releases.length - 1 : Number(wanted) - 5001;
    const release = releases[index];
    if (!release) return sendJson(response, 404, { message: 'Not Found' });
    const [name, path] = release;
    const etag = `W/"${name}"`;
    if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { ETag: etag }).end();
    const asset = { url: `${server.url}/files/${name}`, size: readFileSync(path).length, name: 'reference.json.gz' };
    sendJson(response, 200, { ...githubRelease(name, asset), id: 5001 + index }, { ETag: etag });
  };
}

/** All that is in a reference, by what it is in the release: without the ids that were drawn here, versions and dates. */
export async function contentOf(store: Store, referenceId: string): Promise<unknown[]> {
  const ids = await store.otus.names([referenceId]);
  const joined = await store.otus.getManyJoined(ids.map(({ _id }) => _id));
  const sequences = await store.sequences.collection.countDocuments({ 'reference.id': referenceId });
  const otus = [...joined.values()].map((otu) => ({
    name: otu.name,
    lower_name: otu.lower_name,
    abbreviation: otu.abbreviation,
    schema: otu.schema,
    verified: otu.verified,
    issues: otu.issues,
    isolates: otu.isolates.map(({ sequences: held, ...isolate }) => ({
      ...isolate,
      sequences: held.map(({ accession, definition, host, segment, sequence, remote, isolate_id }) => ({
        ...{ accession, definition, host, segment, sequence, isolate_id, remote: remote?.id },
      })),
    })),
  }));
  return [sequences, ...otus.sort((a, b) => (a.name < b.name ? -1 : 1))];
}

/** The application with a release service of its own, and what its remote references are installed and updated with. */
export type RemoteLab = Awaited<ReturnType<typeof remoteLab>>;

/** Builds the application; `bob` may create references. */
export async function remoteLab() {
  const lab = await laboratory({ bob: { permissions: ['create_ref'] } });
  const server = await startReleaseServer();
  const addresses = { githubUrl: server.url, softwareUrl: server.url, blastUrl: server.url, genbankUrl: server.url };
  Object.assign(lab.remote, createRemoteServices({ userAgent: 'test' }, addresses));
  const deps = { store: lab.store, data: lab.data, log: quietLogger, remote: lab.remote };
  const activities = { ...createRemoteReferenceActivities(deps), ...createUpdateRemoteReferenceActivities(deps) };
  const get = async (path: string) => (await lab.send('bob', 'GET', path)).body;
  const expectStatus = (answer: Answer, status: number) => {
    if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };

  /** Asks for a reference of the latest release; gives it as it is then. */
  const create = async () => expectStatus(await lab.send('bob', 'POST', '/api/refs', { remote_from: SLUG }), 201);

  /** Asks for the update to the latest release and downloads it; gives its process. */
  const beginUpdate = async (id: string): Promise<string> => {
    await get(`/api/refs/${id}/release`);
    expectStatus(await lab.send('bob', 'POST', `/api/refs/${id}/updates`, {}), 201);
    const processId = (await get(`/api/refs/${id}`)).process.id;
    await runActivity(activities.downloadUpdate, { processId });
    return processId;
  };

  return {
    ...lab,
    deps,
    server,
    activities,
    get,
    create,
    beginUpdate,
    runUpdate: (processId: string) => runActivity(activities.updateReference, { processId }),

    /** Installs a file as release v1.4.0 in a new reference. */
    async install(path: string): Promise<string> {
      publish(server, ['v1.4.0', path]);
      const { id, process } = await create();
      await runActivity(activities.downloadReference, { processId: process.id });
      await runActivity(activities.installReference, { processId: process.id });
      return id;
    },

    /** Updates a reference to a file that is published as the next release; gives the process. */
    async update(id: string, path: string, name = 'v1.5.0'): Promise<string> {
      publish(server, [name, path]);
      const processId = await beginUpdate(id);
      await runActivity(activities.updateReference, { processId });
      return processId;
    },

    /** What a fresh import of a file holds. */
    async imported(path: string): Promise<unknown[]> {
      const { reference, process } = await requestImport(deps, path);
      await runActivity(createImportReferenceActivities(deps).importReference, { processId: process._id });
      return contentOf(lab.store, reference._id);
    },

    async dispose() {
      await lab.dispose();
      await server.close();
    },
  };
}
