import { ConfigError, obsoleteNotices, optionsHelp, readConfig } from './config.js';

const USAGE = `Usage: virtool <command> [options]

Commands
  start            run the whole server
  demo             run the server on a small data set and find its viruses
                   (--exit stops it afterwards, --json FILE writes the report)
  doctor           check all that the server needs
  golden           compute the documents of golden vectors (--vectors FOLDER --out FOLDER)
  api              run the API alone, against given servers
  worker control   run the control worker alone
  worker tools     run the tool worker alone
  audit verify     look whether the audit log of a database was changed (--db, --known NUMBER:HASH)
  adopt            put a database and data directory of release 3.7.3 in order, once, before the first start
                   (--db, --data-path; --dry-run only tells what there is to do, --json for programs)
  version          print the version
  help             print this text

Options (with the environment variable of the same meaning)
${optionsHelp()}
`;

type Command = (argv: string[]) => Promise<number>;

function configOf(argv: string[]) {
  for (const notice of obsoleteNotices(argv)) process.stderr.write(`${notice}\n`);
  return readConfig({ argv, environment: process.env, directory: process.cwd() });
}

const COMMANDS: Record<string, Command> = {
  start: async (argv) => (await import('./commands/start.js')).runStart(configOf(argv)),
  demo: async (argv) => (await import('./commands/demo.js')).runDemoCommand(argv),
  doctor: async (argv) => (await import('./commands/doctor.js')).runDoctorCommand(configOf(argv)),
  golden: async (argv) => (await import('./commands/golden.js')).runGoldenCommand(argv),
  api: async (argv) => (await import('./commands/api.js')).runApi(configOf(argv)),
  worker: async ([kind, ...argv]) => {
    if (kind !== 'control' && kind !== 'tools') throw new ConfigError('Say which worker: control or tools.');
    return (await import('./commands/worker.js')).runWorkerProcess(kind, configOf(argv));
  },
  audit: async (argv) => (await import('./commands/audit.js')).runAuditCommand(argv),
  adopt: async (argv) => (await import('./commands/adopt.js')).runAdoptCommand(argv),
  version: async () => print((await import('./api/version.js')).serverVersion({ force_version: undefined })),
  help: async () => print(USAGE),
};

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

// The servers that we start are on this machine: a proxy of the environment must not stand between.
function reachLoopbackDirectly(): void {
  for (const name of ['no_proxy', 'NO_PROXY']) {
    process.env[name] = [process.env[name], 'localhost', '127.0.0.1', '::1'].filter(Boolean).join(',');
  }
}

async function main([name = 'help', ...argv]: string[]): Promise<number> {
  const command = COMMANDS[name.replace(/^--/, '')];
  if (!command) throw new ConfigError(`Unknown command ${name}. The commands are shown by: virtool help`);
  return command(argv);
}

// A log on a full disk loses its text; without a listener the process would end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

reachLoopbackDirectly();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { explainFault, exitCodeOf } = await import('./commands/faults.js');
  // Whatever the failed command holds open, a connection say, must not keep the process alive.
  process.stderr.write(`${explainFault(error)}\n`, () => process.exit(exitCodeOf(error, process.argv[2])));
}
