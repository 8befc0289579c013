import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { LocalError } from '../../src/local/errors.js';
import { checkoutCache } from '../../src/local/install/cache.js';
import { installOnce } from '../../src/local/install/install_once.js';
import { ensureTools } from '../../src/local/install/tools.js';
import { findMongo } from '../../src/local/servers/mongo/programs.js';
import { findTemporal } from '../../src/local/servers/temporal/plan.js';
import { TOOLS } from '../../src/tools/programs.js';
import { testFolder } from '../support/folders.js';

afterEach(() => vi.unstubAllEnvs());

/** A logger that keeps its sentences. */
function listener() {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  return { logger, lines };
}

function writeProgram(folder: string, name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A folder that is the whole PATH. */
function onlyOnPath(): string {
  const folder = testFolder();
  symlinkSync('/bin/sh', join(folder, 'sh'));
  vi.stubEnv('PATH', folder);
  return folder;
}

const VERSION_TEXTS: Record<string, string> = {
  bowtie2: 'version 2.5.0',
  skewer: 'skewer version: 0.2.2',
  fastqc: 'FastQC v0.11.9',
  'spades.py': 'SPAdes genome assembler v3.15.5',
  hmmscan: '# HMMER 3.3.2 (Nov 2020)',
  pigz: 'pigz 2.6',
};

/** The same with programs that only tell their versions, in place of all tools but one. */
function toolsExcept(missing: string): string {
  const folder = onlyOnPath();
  for (const program of TOOLS.flatMap(({ programs }) => programs)) {
    if (program !== missing) writeProgram(folder, program, `echo "${VERSION_TEXTS[program] ?? ''}"`);
  }
  return folder;
}

test('a mongod on PATH comes before everything that would be downloaded', async () => {
  const path = writeProgram(onlyOnPath(), 'mongod', 'echo "db version v8.0.4"');
  const { logger } = listener();
  expect(await findMongo({ cachePath: testFolder(), logger })).toEqual({
    kind: 'mongod',
    version: '8.0.4',
    path,
    source: 'PATH',
  });
});

test('each step that fails says why in one line, and the next one is tried', async () => {
  writeProgram(onlyOnPath(), 'mongod', 'echo "db version v4.2.1"');
  vi.stubEnv('MONGOMS_RUNTIME_DOWNLOAD', 'false');
  const { logger, lines } = listener();
  const found = await findMongo({ cachePath: checkoutCache(), logger });
  expect(found).toMatchObject({ kind: 'secantusdb', source: 'Python package' });
  expect(lines).toEqual([
    expect.stringMatching(/^MongoDB: .*\/mongod is 4\.2\.1, at least 5\.0 is needed$/),
    'MongoDB: the official download is switched off',
    'MongoDB: no secantusd-rs on PATH',
  ]);
});

test('when no server can be had, the message says what to do by hand', async () => {
  onlyOnPath();
  vi.stubEnv('MONGOMS_RUNTIME_DOWNLOAD', 'false');
  const setting = { cachePath: testFolder(), logger: listener().logger };
  const [mongo, temporal] = await Promise.all([
    findMongo(setting).catch((error: LocalError) => error.text()),
    findTemporal(setting).catch((error: LocalError) => error.text()),
  ]);
  expect(mongo).toMatch(/no mongod on PATH; .*python3 is not on PATH: apt-get install python3/);
  expect(mongo).toContain('--db mongodb://HOST:PORT');
  expect(temporal).toContain('python3 is not on PATH');
  expect(temporal).toContain('--temporal-address HOST:PORT');
});

test('without network the message says so', async () => {
  vi.stubEnv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple');
  vi.stubEnv('PIP_FIND_LINKS', '');
  vi.stubEnv('HTTPS_PROXY', '');
  const error = await findTemporal({ cachePath: testFolder(), logger: listener().logger }).catch((reason) => reason);
  expect(error.message).toContain('the Python package index cannot be reached');
});

test('an address that was out of reach is not asked again the same day', async () => {
  onlyOnPath();
  const cachePath = testFolder();
  mkdirSync(join(cachePath, 'mongodb-official'));
  const record = { failedAt: Date.now() - 60_000, reason: 'remembered reason' };
  writeFileSync(join(cachePath, 'mongodb-official', 'record.json'), JSON.stringify(record));
  await expect(findMongo({ cachePath, logger: listener().logger })).rejects.toThrow('remembered reason');
});

// A mirror with an archive of the official form, but with a program in it that only tells its version.
test('the official program is downloaded once and kept', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'mongodb-linux', 'bin'), { recursive: true });
  writeProgram(join(folder, 'mongodb-linux', 'bin'), 'mongod', 'echo "db version v8.2.6"');
  execFileSync('tar', ['-czf', 'archive.tgz', 'mongodb-linux'], { cwd: folder });
  const archive = readFileSync(join(folder, 'archive.tgz'));
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    response.end(url.endsWith('.md5') ? `${createHash('md5').update(archive).digest('hex')}  x.tgz` : archive);
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('MONGOMS_DOWNLOAD_MIRROR', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('HTTPS_PROXY', '');
  vi.stubEnv('HTTP_PROXY', '');
  vi.stubEnv('MONGOMS_USE_HTTP', 'true');
  onlyOnPath();
  const setting = { cachePath: testFolder(), logger: listener().logger };
  const found = await findMongo(setting);
  expect(found).toMatchObject({ kind: 'mongod', version: '8.2.6', source: 'official download' });
  expect(found.path.startsWith(setting.cachePath)).toBe(true);
  expect(asked.some((url) => url.endsWith('.tgz'))).toBe(true);
  asked.length = 0;
  expect(await findMongo(setting)).toEqual(found);
  expect(asked).toEqual([]);
});

test('when nothing at all could be had, the next start tries the download again', async () => {
  onlyOnPath();
  vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
  const cachePath = testFolder();
  await expect(findMongo({ cachePath, logger: listener().logger })).rejects.toThrow('the proxy does not answer');
  expect(existsSync(join(cachePath, 'mongodb-official', 'record.json'))).toBe(false);
});

test('an interrupted installation leaves nothing, and the next one repairs it', async () => {
  const cachePath = testFolder();
  const { logger } = listener();
  mkdirSync(join(cachePath, 'thing.draft-1'));
  const install = (make: (folder: string) => Promise<void>) =>
    installOnce({ cachePath, name: 'thing', title: 'a thing', logger, make });
  await expect(
    install(async (folder) => {
      writeFileSync(join(folder, 'half'), '');
      throw new Error('cut');
    }),
  ).rejects.toThrow('cut');
  expect(existsSync(join(cachePath, 'thing'))).toBe(false);
  const folder = await install(async (draft) => writeFileSync(join(draft, 'whole'), 'x'));
  expect(readFileSync(join(folder, 'whole'), 'utf8')).toBe('x');
  expect(existsSync(join(cachePath, 'thing.draft-1'))).toBe(false);
});

test('of two installations at once one does the work', async () => {
  const cachePath = testFolder();
  let made = 0;
  const install = () =>
    installOnce({
      cachePath,
      name: 'thing',
      title: 'a thing',
      logger: listener().logger,
      make: async () => {
        made += 1;
      },
    });
  expect(await Promise.all([install(), install()])).toEqual([join(cachePath, 'thing'), join(cachePath, 'thing')]);
  expect(made).toBe(1);
});

test('missing tools that cannot be installed are named with the commands for three ways', async () => {
  toolsExcept('pigz');
  const error = await ensureTools({ cachePath: testFolder(), logger: listener().logger }).catch((reason) => reason);
  expect(error).toBeInstanceOf(LocalError);
  const text = (error as LocalError).text();
  expect(text).toMatch(/pigz: missing/);
  expect(text).toContain('there is no apt-get here');
  expect(text).toContain('sudo apt-get update && sudo apt-get install -y pigz\n');
  expect(text).toContain('conda install -c conda-forge -c bioconda pigz\n');
  expect(text).toContain('docker compose up');
});

test('a tool of a wrong version is named with its version, its place and what is needed', async () => {
  writeProgram(toolsExcept('skewer'), 'skewer', 'echo "skewer version: 0.1.5"');
  await expect(ensureTools({ cachePath: testFolder(), logger: listener().logger })).rejects.toThrow(
    /skewer 0\.1\.5 \(.*\/skewer\): wrong version\. 0\.2\.2 or newer is needed/,
  );
});

// Only root may try apt-get without a question.
test.runIf(process.getuid?.() === 0)('missing tools are installed with apt-get in one command', async () => {
  const folder = toolsExcept('pigz');
  const install = `printf '#!/bin/sh\\necho pigz 2.6\\n' > ${folder}/pigz; /bin/chmod 755 ${folder}/pigz`;
  writeProgram(folder, 'apt-get', `echo "$@" >> ${folder}/asked; ${install}`);
  const { logger, lines } = listener();
  const reports = await ensureTools({ cachePath: testFolder(), logger });
  expect(reports.map(({ status }) => status)).toEqual(TOOLS.map(() => 'ok'));
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toMatch(/install --no-install-recommends pigz\n$/);
  expect(lines).toEqual(['Installing pigz with apt-get', expect.stringMatching(/^Installed pigz in \d+\.\d s$/)]);
});

test('a tool is asked for its version again only when its file changed', async () => {
  const folder = toolsExcept('pigz');
  const cachePath = testFolder();
  const setting = { cachePath, logger: listener().logger };
  writeProgram(folder, 'pigz', `echo asked >> ${cachePath}/asked; echo "pigz 2.6"`);
  await ensureTools(setting);
  await ensureTools(setting);
  expect(readFileSync(join(cachePath, 'asked'), 'utf8')).toBe('asked\n');
  writeProgram(folder, 'pigz', `echo asked again >> ${cachePath}/asked; echo "pigz 2.8"`);
  const reports = await ensureTools(setting);
  expect(reports.find(({ command }) => command === 'pigz')?.version).toBe('2.8');
});
