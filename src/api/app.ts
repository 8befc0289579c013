import { Hono } from 'hono';
import { trustedProxies } from '../config.js';
import { createAccountRoutes } from './account/routes.js';
import { createAnalysisRoutes } from './analyses/routes.js';
import { createAnalysisStartRoutes } from './analyses/start_routes.js';
import { createAuditRoutes } from './audit/routes.js';
import { createCacheRoutes } from './caches/routes.js';
import type { ApiDeps } from './deps.js';
import { createDispatchRoutes } from './dispatch/routes.js';
import { createDocumentationRoutes } from './documentation/routes.js';
import { createReferenceDownloadRoutes } from './downloads/reference_routes.js';
import { createDownloadRoutes } from './downloads/routes.js';
import { createFileRoutes } from './files/routes.js';
import { createGenbankRoutes } from './genbank/routes.js';
import { createGroupRoutes } from './groups/routes.js';
import { createHealthRoutes } from './health/routes.js';
import { createRevertRoutes } from './history/revert_routes.js';
import { createHistoryRoutes } from './history/routes.js';
import { createHmmRoutes } from './hmms/routes.js';
import { errorHandler, requestLog, sameOrigin, standardHeaders } from './http/middleware.js';
import { clientAddress } from './http/peer.js';
import { type Authenticate, registerRoutes } from './http/register.js';
import type { Env, Route } from './http/route.js';
import { createIndexRoutes } from './indexes/routes.js';
import { createIsolateRoutes } from './isolates/routes.js';
import { createJobRoutes } from './jobs/routes.js';
import { createOtuEditRoutes } from './otus/edit_routes.js';
import { createOtuRoutes } from './otus/routes.js';
import { answerUnknownPath, notFoundPages } from './pages/not_found.js';
import { createPageRoutes } from './pages/routes.js';
import { createProcessRoutes } from './processes/routes.js';
import { createReferenceRoutes } from './references/routes.js';
import { createRootRoutes } from './root/routes.js';
import { createReplacementRoutes } from './samples/replacement_routes.js';
import { createSampleRoutes } from './samples/routes.js';
import { createSequenceRoutes } from './sequences/routes.js';
import { createSettingsRoutes } from './settings/routes.js';
import { createSoftwareRoutes } from './software/routes.js';
import { createSubtractionRoutes } from './subtractions/routes.js';
import { createUploadRoutes } from './uploads/routes.js';
import { createUserRoutes } from './users/routes.js';

/** Every route of the API with its access and documentation. */
export function createRoutes(deps: ApiDeps): Route[] {
  const routes: Route[] = [
    ...createRootRoutes(deps),
    ...createHealthRoutes(deps),
    ...createAccountRoutes(deps),
    ...createUserRoutes(deps),
    ...createGroupRoutes(deps),
    ...createSettingsRoutes(deps),
    ...createAuditRoutes(deps),
    ...createSoftwareRoutes(deps),
    ...createFileRoutes(deps),
    ...createUploadRoutes(deps),
    ...createSubtractionRoutes(deps),
    ...createSampleRoutes(deps),
    ...createReplacementRoutes(deps),
    ...createCacheRoutes(deps),
    ...createAnalysisRoutes(deps),
    ...createAnalysisStartRoutes(deps),
    ...createHmmRoutes(deps),
    ...createGenbankRoutes(deps),
    ...createJobRoutes(deps),
    ...createDispatchRoutes(),
    ...createReferenceRoutes(deps),
    ...createOtuRoutes(deps),
    ...createOtuEditRoutes(deps),
    ...createIsolateRoutes(deps),
    ...createSequenceRoutes(deps),
    ...createHistoryRoutes(deps),
    ...createRevertRoutes(deps),
    ...createIndexRoutes(deps),
    ...createProcessRoutes(deps),
    ...createDownloadRoutes(deps),
    ...createReferenceDownloadRoutes(deps),
    ...createPageRoutes(deps),
  ];
  routes.push(...createDocumentationRoutes(deps, () => routes));
  return routes;
}

/** The HTTP application; tests call its `request`. */
export function createApp(deps: ApiDeps, authenticate: Authenticate): Hono<Env> {
  const app = new Hono<Env>();
  app.use(
    clientAddress(trustedProxies(deps.config)),
    requestLog(deps.log),
    standardHeaders(deps.version),
    sameOrigin(),
    notFoundPages(),
  );
  app.onError(errorHandler());
  app.notFound(answerUnknownPath);
  registerRoutes(app, createRoutes(deps), { authenticate, audit: deps.store.audit });
  return app;
}
