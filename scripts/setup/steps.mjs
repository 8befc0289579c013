import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A step that could not be done; the message says what to do. */
export class SetupError extends Error {}

/** Runs a step that takes time: one line with what it does, and at its end the seconds. */
export async function step(title, work) {
  const begin = Date.now();
  process.stderr.write(`${title} ... `);
  try {
    const result = await work();
    process.stderr.write(`${((Date.now() - begin) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

// The group dies when fd 3 closes, which the kernel does however this process ends: half an `npm ci` that goes on
// would disturb the next one.
const LIFELINE = '(read _ <&3; kill -KILL 0) >/dev/null 2>&1 & exec "$@" 3<&-';

/** Runs a command to its end and resolves with its exit code (127: not found) and what it wrote. */
export function collect(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', LIFELINE, 'sh', command, ...args], {
      cwd: ROOT,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.stdio[3].on('error', () => {});
    child.once('error', reject);
    child.once('exit', () => killGroup(child.pid));
    child.once('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Runs a command on this terminal, with more environment, and resolves with its exit code. Signals reach it too. */
export function runAttached(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    });
  });
}
