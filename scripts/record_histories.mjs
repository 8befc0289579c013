// Stores one history per workflow type for the replay test: node scripts/record_histories.mjs HOST:PORT [NAMESPACE]
// Give it the Temporal of a server on which each kind of job has run, for example that of `npm run demo`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const [address, namespace = 'default'] = process.argv.slice(2);
if (!address) {
  console.error('Give the address of a Temporal server, host:port.');
  process.exit(2);
}
const folder = fileURLToPath(new URL('../test/histories/', import.meta.url));
const connection = await Connection.connect({ address });
const client = new Client({ connection, namespace });
const seen = new Set();
mkdirSync(folder, { recursive: true });
for await (const { workflowId, runId, type, status } of client.workflow.list()) {
  const name = `${type}.${status.name.toLowerCase()}`;
  if (status.name === 'RUNNING' || seen.has(name)) continue;
  seen.add(name);
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const stored = JSON.parse(historyToJSON(history), (key, value) =>
    key === 'identity' || /^\d+@/.test(String(value)) ? 'worker' : key === 'stackTrace' ? '' : value,
  );
  writeFileSync(`${folder}${name}.json`, `${JSON.stringify(stored, null, 1)}\n`);
  console.log(`${name}: ${workflowId}`);
}
await connection.close();
