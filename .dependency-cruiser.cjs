const { Visitor } = require('@swc/core/Visitor.js');

// The parser reads `using` declarations, but its visitor does not know them and gives up on the whole run.
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  statement.decls = this.visitVariableDeclarators(statement.decls);
  return statement;
};

// Which room may import which. An arrow that is not in this list is an error.
const ARROWS = {
  contracts: [],
  bio: [],
  tools: ['contracts'],
  files: ['contracts'],
  store: ['contracts'],
  workflows: ['contracts'],
  // Outgoing requests. Who makes them gets the clients as arguments, so that tests put others in their place.
  remote: ['contracts'],
  activities: ['store', 'files', 'tools', 'bio', 'contracts'],
  workers: ['activities', 'workflows', 'store', 'files', 'tools', 'contracts'],
  api: ['store', 'files', 'contracts'],
  local: ['tools', 'contracts'],
  // A client like any other: it reaches the server only by HTTP and WebSocket.
  demo: ['contracts'],
  // Computes the documents of golden vectors with the functions that the jobs use.
  golden: ['activities', 'store', 'tools', 'bio'],
  // Puts in order what release 3.7.3 left, with what ends the jobs.
  adoption: ['activities', 'store', 'files', 'contracts'],
  commands: [
    'adoption',
    'api',
    'workers',
    'local',
    'demo',
    'golden',
    'remote',
    'activities',
    'store',
    'files',
    'contracts',
  ],
};

// The same for the folders inside a room. What lies beside them composes them or is SHARED.
const FOLDERS = {
  'local/machine': [],
  'local/processes': ['local/machine'],
  'local/install': ['local/machine'],
  'local/servers': ['local/processes', 'local/install', 'local/machine'],
  'local/doctor': ['local/servers', 'local/install', 'local/machine'],
  'store/database': [],
  'activities/analysis_files': [],
  'activities/references': [],
  'activities/hmms': ['activities/analysis_files', 'activities/references'],
  'activities/steps': ['activities/analysis_files', 'activities/hmms'],
  'activities/reads': ['activities/analysis_files', 'activities/steps'],
  'activities/jobs': ['activities/reads', 'activities/steps'],
  'activities/pathoscope': ['activities/analysis_files', 'activities/reads', 'activities/steps'],
  'activities/pathoscope/core': [],
  'activities/nuvs': ['activities/analysis_files', 'activities/hmms', 'activities/reads', 'activities/steps'],
  'activities/upkeep': ['activities/hmms', 'activities/references'],
  'demo/client': [],
  'demo/screen': [],
  'demo/pathoscope': ['demo/client'],
  'demo/nuvs': ['demo/client', 'demo/screen'],
};
// Beside the folders of a room, for all of them.
const SHARED = [
  '^src/local/errors\\.ts$',
  '^src/activities/(deps|ends|errors|parallel|process_support|pulse|release_download|threads)\\.ts$',
  '^src/demo/(report|walk)\\.ts$',
];

// Read once at the edge and handed on as arguments, so deeper rooms do not know them.
const LEAVES = '^src/(config|log)\\.ts$';
const MAY_USE_LEAVES = ['api', 'workers', 'local', 'commands'];

const arrows = Object.entries(ARROWS).map(([room, targets]) => ({
  name: `${room}-imports-only-${targets.join('-') || 'nothing'}`,
  comment: `src/${room} may import only ${targets.join(', ') || 'nothing'} of ours.`,
  severity: 'error',
  from: {
    path: `^src/${room}/`,
    // Depths and decisions are pure, and both the analysis page and the job need the same ones.
    ...(room === 'api' ? { pathNot: '^src/api/analyses/' } : {}),
  },
  to: {
    path: '^src/',
    pathNot: [`^src/(${[room, ...targets].join('|')})/`, ...(MAY_USE_LEAVES.includes(room) ? [LEAVES] : [])],
  },
}));

const folderArrows = Object.entries(FOLDERS).map(([folder, targets]) => {
  const [room] = folder.split('/');
  return {
    name: `${folder}-imports-only-${targets.join('-') || 'nothing'}`,
    comment: `Of src/${room}, src/${folder} may import only ${targets.join(', ') || 'nothing'}.`,
    severity: 'error',
    from: { path: `^src/${folder}/` },
    to: { path: `^src/${room}/`, pathNot: [`^src/(${[folder, ...targets].join('|')})/`, ...SHARED] },
  };
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...arrows,
    ...folderArrows,
    {
      name: 'analyses-may-use-some-of-bio',
      comment: 'src/api/analyses is an api room that may also use some pure functions of bio.',
      severity: 'error',
      from: { path: '^src/api/analyses/' },
      to: {
        path: '^src/',
        pathNot: ['^src/(api|store|files|contracts)/', '^src/bio/(curve|decision|depth_runs)\\.ts$', LEAVES],
      },
    },
    {
      name: 'leaves-import-nothing',
      comment: 'Configuration and log are leaves.',
      severity: 'error',
      from: { path: LEAVES },
      to: { path: '^src/' },
    },
    {
      name: 'rooms-do-not-import-main',
      comment: 'main composes; nothing imports it.',
      severity: 'error',
      from: { path: '^(src|test|bench)/' },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'workflows-are-deterministic',
      comment: 'Workflow code runs in a sandbox: of all packages only these two, and no Node module.',
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: { pathNot: ['^src/', '^node_modules/@temporalio/(workflow|common)/'] },
    },
    {
      name: 'bio-is-pure',
      comment: 'The science does no I/O.',
      severity: 'error',
      from: { path: '^src/bio/' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|fs/promises|child_process|net|http|https|http2|dns|worker_threads|os)$',
      },
    },
    {
      name: 'src-imports-no-tests',
      comment: 'The server does not know its tests.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-circles',
      comment: 'No circle, also not one of types.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      comment: 'An import that cannot be resolved hides an arrow.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no programming interface for the usual parser.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.local|data)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
