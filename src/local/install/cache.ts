import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where downloaded servers are kept for all data folders: `VT_CACHE_PATH`, else `.local` of the checkout. */
export function checkoutCache(): string {
  const given = process.env.VT_CACHE_PATH;
  // Both src/local/install and dist/local/install lie three folders below the checkout.
  return given ? resolve(given) : fileURLToPath(new URL('../../../.local', import.meta.url));
}
