// Compiles the WebAssembly of src (*.wat) into modules of dist (*.wasm.js), whose default export is the binary.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import startWabt from 'wabt';

const root = fileURLToPath(new URL('..', import.meta.url));
const wabt = await startWabt();
for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.wat')) continue;
  const parsed = wabt.parseWat(file, readFileSync(join(root, 'src', file), 'utf8'));
  parsed.validate();
  const base64 = Buffer.from(parsed.toBinary({}).buffer).toString('base64');
  const target = join(root, 'dist', file.replace(/\.wat$/, '.wasm.js'));
  writeFileSync(`${target}.${process.pid}`, `export default Buffer.from('${base64}', 'base64');\n`);
  renameSync(`${target}.${process.pid}`, target);
}
