// Bundles the workflows of the build into dist/workflow-bundle.js, which the control worker loads.
import { renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const entry = fileURLToPath(new URL('../dist/workflows/index.js', import.meta.url));
const target = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const quiet = () => {};
const loud = (message, meta) => console.error(message, meta ?? '');

const { code } = await bundleWorkflowCode({
  workflowsPath: entry,
  logger: { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: loud, error: loud },
});
writeFileSync(`${target}.${process.pid}`, code);
renameSync(`${target}.${process.pid}`, target);
