import { expect, test } from 'vitest';
import { createRoutes } from '../../../src/api/app.js';
import { INTERFACES } from '../../../src/api/dispatch/interfaces.js';
import { formatRights } from '../../../src/api/rights/table.js';
import { identityServer } from '../../support/identity.js';

test('the table of rights in the documentation is that of the code', async () => {
  const server = await identityServer();
  try {
    await expect(formatRights(createRoutes(server.deps), INTERFACES)).toMatchFileSnapshot('../../../docs/rights.md');
  } finally {
    await server.dispose();
  }
});
