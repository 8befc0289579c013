import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { collect, ROOT, SetupError, step } from './steps.mjs';

const LOCK = join(ROOT, '.local', 'setup.lock');
const INSTALL_STAMP = join(ROOT, 'node_modules', '.virtool-stamp');
const BUILD_STAMP = join(ROOT, 'dist', '.virtool-stamp');

/** Installs the npm packages and builds, each only when its inputs changed. Stamps are written last, so a cut run repeats. */
export async function setUp() {
  if (isInstalled() && isBuilt()) return;
  const waiting = (pid) => console.error(`Waiting for process ${pid}, which sets up this checkout`);
  await withLock(LOCK, waiting, async () => {
    if (!isInstalled()) await install();
    if (!isBuilt()) await build();
  });
}

/** What `dist/` is for the sources of the moment: `current`, `stale`, or `missing` (also when a build was cut). */
export function buildState() {
  const stamp = readStamp(BUILD_STAMP);
  if (stamp === undefined) return 'missing';
  return stamp === sourceHash() ? 'current' : 'stale';
}

const isInstalled = () => readStamp(INSTALL_STAMP) === lockHash();
const isBuilt = () => buildState() === 'current';

async function install() {
  rmSync(INSTALL_STAMP, { force: true });
  const hash = lockHash();
  await step('Installing the npm packages', async () => {
    const result = await collect('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline']);
    if (result.code !== 0) throw installError(result);
  });
  writeFileSync(INSTALL_STAMP, hash);
}

function installError({ code, output, signal }) {
  if (code === 127) return new SetupError('npm is not on PATH. It comes with Node: https://nodejs.org/en/download');
  if (signal) return new SetupError('The installation was interrupted; the next run repeats it.');
  if (/ENOSPC/.test(output))
    return new SetupError(`npm ci failed: the disk of ${ROOT} is full. Free some space and try again.`);
  if (/EACCES|EROFS/.test(output)) return new SetupError(`npm ci failed: ${ROOT} cannot be written by this user.`);
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(output)) {
    return new SetupError(
      'npm ci failed: the package registry cannot be reached. The first run needs the network (behind a proxy set HTTPS_PROXY); later runs do not.',
    );
  }
  return new SetupError(`npm ci failed:\n${output.trim()}`);
}

async function build() {
  const hash = sourceHash();
  rmSync(BUILD_STAMP, { force: true });
  await step('Building', async () => {
    await must('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json']);
    removeOrphans();
    await must(process.execPath, ['scripts/kernels.mjs']);
    await must(process.execPath, ['scripts/bundle.mjs']);
  });
  writeFileSync(BUILD_STAMP, hash);
}

async function must(command, args) {
  const result = await collect(command, args);
  if (result.code !== 0) throw new SetupError(`The build failed:\n${result.output.trim()}`);
}

// What a removed or renamed source file left behind.
function removeOrphans() {
  for (const file of readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.js(\.map)?$/.test(file) || file.startsWith('workflow-bundle.js')) continue;
    const source = join(ROOT, 'src', file.replace(/\.js(\.map)?$/, '.ts'));
    if (!existsSync(source)) rmSync(join(ROOT, 'dist', file));
  }
}

function lockHash() {
  return hashOf(['package-lock.json', '.npmrc']);
}

function sourceHash() {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.(ts|wat)$/.test(file),
  );
  return hashOf([
    ...['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts/kernels.mjs', 'scripts/bundle.mjs'],
    ...sources.sort().map((file) => join('src', file)),
  ]);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}

function readStamp(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
