#!/usr/bin/env node
// Sets up what is missing, then runs the command. Parses on old Node versions, to be able to say that they are too old.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Node ${process.versions.node} is too old: Virtool needs Node 20.19 or newer (https://nodejs.org/en/download).`,
  );
  process.exit(1);
}

const [command = 'help', ...args] = process.argv.slice(2);
const { SetupError } = await import('./setup/steps.mjs');
try {
  const { setUp } = await import('./setup/set_up.mjs');
  await setUp().catch(explainDisk);
  await run();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function explainDisk(error) {
  if (error.code === 'ENOSPC')
    throw new SetupError(`The disk is full: ${error.path ?? error.message}. Free some space.`);
  if (['EACCES', 'EPERM', 'EROFS'].includes(error.code)) {
    throw new SetupError(
      `${error.path} cannot be written by this user. The set-up installs and builds in the checkout.`,
    );
  }
  throw error;
}

async function run() {
  if (command === 'test') {
    const { runTests } = await import('./setup/tests.mjs');
    process.exitCode = await runTests(args);
  } else if (command === 'conformance' || command === 'bench') {
    const { runTool } = await import('./setup/tools.mjs');
    process.exitCode = await runTool(command, args);
  } else {
    // In this process: a parent that only waits would cost memory and pass signals on twice.
    const main = new URL('../dist/main.js', import.meta.url);
    process.argv = [process.argv[0], main.pathname, command, ...args];
    await import(main.href);
  }
}
