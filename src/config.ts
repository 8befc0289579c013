import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import * as v from 'valibot';

const GIB = 1024 ** 3;

/** A configuration that cannot be used; the message names the option and tells what to do. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

type OptionKind = 'text' | 'count' | 'port' | 'flag';
type Option = {
  kind: OptionKind;
  short?: string;
  help: string;
  environment?: string;
  secret?: boolean;
  /** Start scripts of old releases pass it: it is taken, and this is what they are told. */
  obsolete?: string;
};

/** Every option: key in the configuration file, kind and help. The flag is the key with hyphens, the variable `VT_<KEY>`. */
export const OPTIONS = {
  host: { kind: 'text', short: 'H', help: 'address to listen on (localhost)' },
  port: { kind: 'port', short: 'p', help: 'port of the server (9950; 0 takes a free one)' },
  data_path: { kind: 'text', short: 'd', help: 'data directory (data)' },
  watch_path: { kind: 'text', short: 'w', help: 'watch directory for read files (watch)' },
  watch_settle: {
    kind: 'count',
    help: 'seconds for which a file in the watch directory must have been still before it is taken (30)',
  },
  proc: { kind: 'count', help: 'processor cores for all jobs together (8, at most those of the host)' },
  mem: { kind: 'count', help: 'memory in GiB for all jobs together (16, at most that of the host)' },
  lg_proc: { kind: 'count', help: 'cores of a large job (8)' },
  lg_mem: { kind: 'count', help: 'memory of a large job in GiB (16)' },
  sm_proc: { kind: 'count', help: 'cores of a small job (2)' },
  sm_mem: { kind: 'count', help: 'memory of a small job in GiB (4)' },
  db: {
    kind: 'text',
    help: 'MongoDB connection string; without it a server is started',
    environment: 'VT_DB_CONNECTION_STRING',
    secret: true,
  },
  db_name: { kind: 'text', help: 'database name (virtool)' },
  temporal_address: { kind: 'text', help: 'host:port of Temporal; without it a server is started' },
  temporal_namespace: { kind: 'text', help: 'namespace in Temporal (default)' },
  temporal_ui_port: { kind: 'port', help: 'port of the embedded Temporal UI (a free one)' },
  trusted_proxies: {
    kind: 'text',
    help: 'addresses or networks of proxies before the server, whose X-Forwarded-For and -Proto are believed: 127.0.0.1,10.1.0.0/16 (nobody)',
  },
  proxy: { kind: 'text', help: 'proxy for outgoing requests, http://[user:pass@]host:port', secret: true },
  github_url: { kind: 'text', help: 'base address of the release service (https://api.github.com)' },
  genbank_url: { kind: 'text', help: 'address of GenBank efetch' },
  genbank_email: { kind: 'text', help: 'e-mail address that NCBI may write to about requests of this server' },
  blast_url: { kind: 'text', help: 'address of NCBI BLAST, or of a service like it' },
  software_url: { kind: 'text', help: 'address of the list of software releases' },
  force_version: { kind: 'text', help: 'version that the server reports (without a value: v0.0.0)' },
  config: { kind: 'text', help: 'configuration file (config.json in the working directory, when it exists)' },
  no_client: { kind: 'flag', help: 'do not serve the web client' },
  icons_path: {
    kind: 'text',
    help: 'folder with the icons that the web client of release 3.7.3 links at use.fontawesome.com, which is not asked then',
  },
  no_db_checks: { kind: 'flag', help: 'skip the creation of database indexes and the repairs at start' },
  no_file_manager: { kind: 'flag', help: 'do not watch directories' },
  no_job_manager: { kind: 'flag', help: 'run no jobs' },
  no_refreshing: { kind: 'flag', help: 'do not refresh remote information' },
  dev: { kind: 'flag', help: 'development mode' },
  verbose: { kind: 'flag', short: 'v', help: 'log more' },
  no_sentry: {
    kind: 'flag',
    help: 'taken from old start scripts, without effect: no error reports are sent',
    obsolete: 'has no effect any more: this server sends no error reports',
  },
  no_setup: {
    kind: 'flag',
    help: 'taken from old start scripts, without effect: there is no set-up page',
    obsolete: 'has no effect any more: there is no set-up page, the first visitor creates the first user',
  },
  force_setup: {
    kind: 'flag',
    help: 'taken from old start scripts, without effect: there is no set-up page',
    obsolete: 'has no effect any more: there is no set-up page. Options, environment and file configure the server',
  },
} as const satisfies Record<string, Option>;
type OptionName = keyof typeof OPTIONS;

const count = (name: string) =>
  v.pipe(v.union([v.string(), v.number()]), v.transform(Number), v.integer(bad(name)), v.minValue(1, bad(name)));
const port = (name: string) =>
  v.pipe(
    v.union([v.string(), v.number()]),
    v.transform(Number),
    v.integer(`${flag(name)} must be a port from 0 to 65535`),
    v.minValue(0, `${flag(name)} must be a port from 0 to 65535`),
    v.maxValue(65_535, `${flag(name)} must be a port from 0 to 65535`),
  );
const text = (name: string) => v.pipe(v.string(), v.minLength(1, `${flag(name)} must not be empty`));
const webAddress = (message: string) =>
  v.pipe(
    v.string(),
    v.check((given) => URL.canParse(given) && /^https?:/i.test(given), message),
  );
const isOn = v.pipe(
  v.union([v.boolean(), v.string()]),
  v.transform((value) => value === true || /^(1|true)$/i.test(String(value))),
);

function bad(name: string): string {
  return `${flag(name)} must be a whole number of at least 1`;
}

function flag(name: string): string {
  return `--${name.replaceAll('_', '-')}`;
}

const cores = availableParallelism();
const memory = Math.max(1, Math.floor(totalmem() / GIB));

const ConfigSchema = v.object({
  host: v.optional(text('host'), 'localhost'),
  port: v.optional(port('port'), 9950),
  data_path: v.optional(text('data_path'), 'data'),
  watch_path: v.optional(text('watch_path'), 'watch'),
  watch_settle: v.optional(count('watch_settle'), 30),
  proc: v.optional(count('proc'), Math.min(8, cores)),
  mem: v.optional(count('mem'), Math.min(16, memory)),
  lg_proc: v.optional(count('lg_proc')),
  lg_mem: v.optional(count('lg_mem')),
  sm_proc: v.optional(count('sm_proc')),
  sm_mem: v.optional(count('sm_mem')),
  db: v.optional(
    v.pipe(
      v.string(),
      v.startsWith('mongodb', '--db must be a connection string that starts with mongodb:// or mongodb+srv://'),
    ),
  ),
  db_name: v.optional(
    v.pipe(v.string(), v.regex(/^[\w-]{1,38}$/, '--db-name must be 1 to 38 letters, digits, hyphens or underscores')),
    'virtool',
  ),
  temporal_address: v.optional(text('temporal_address')),
  temporal_namespace: v.optional(text('temporal_namespace'), 'default'),
  temporal_ui_port: v.optional(port('temporal_ui_port')),
  trusted_proxies: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (given) => toNetworks(given) !== undefined,
        '--trusted-proxies must be addresses or networks with commas between them, as 127.0.0.1,10.1.0.0/16',
      ),
    ),
  ),
  proxy: v.optional(webAddress('--proxy must be http://[user:pass@]host:port')),
  github_url: v.optional(v.pipe(v.string(), v.url('--github-url must be an address')), 'https://api.github.com'),
  genbank_url: v.optional(
    webAddress('--genbank-url must be an address that begins with https:// or http://'),
    'https://eutils.ncbi.nlm.nih.gov/entrez/eutils/efetch.fcgi',
  ),
  genbank_email: v.optional(v.pipe(v.string(), v.email('--genbank-email must be an e-mail address'))),
  blast_url: v.optional(
    webAddress('--blast-url must be an address that begins with https:// or http://'),
    'https://blast.ncbi.nlm.nih.gov/Blast.cgi',
  ),
  software_url: v.optional(
    v.pipe(v.string(), v.url('--software-url must be an address')),
    'https://www.virtool.ca/releases3',
  ),
  force_version: v.optional(v.string()),
  no_client: v.optional(isOn, false),
  icons_path: v.optional(text('icons_path')),
  no_db_checks: v.optional(isOn, false),
  no_file_manager: v.optional(isOn, false),
  no_job_manager: v.optional(isOn, false),
  no_refreshing: v.optional(isOn, false),
  dev: v.optional(isOn, false),
  verbose: v.optional(isOn, false),
});

type Parsed = v.InferOutput<typeof ConfigSchema>;

/** The whole configuration, checked: paths as given, memory in GiB, every limit within the host's. */
export type Config = Omit<Parsed, 'lg_proc' | 'lg_mem' | 'sm_proc' | 'sm_mem'> & {
  lg_proc: number;
  lg_mem: number;
  sm_proc: number;
  sm_mem: number;
};

type Sources = { argv: string[]; environment: Record<string, string | undefined>; directory: string };

/**
 * Reads the configuration once: option before environment before file before default.
 *
 * @throws ConfigError with every problem on a line of its own.
 */
export function readConfig(sources: Sources): Config {
  const options = fromOptions(sources.argv);
  const environment = fromEnvironment(sources.environment);
  const file = fromFile(sources.directory, (options.config ?? environment.config) as string | undefined);
  const result = v.safeParse(ConfigSchema, { ...file, ...environment, ...options });
  if (!result.success) throw new ConfigError([...new Set(result.issues.map((issue) => issue.message))].join('\n'));
  return withLimits(result.output);
}

/** The proxies whose word about their clients counts; undefined for none. */
export function trustedProxies({ trusted_proxies: given }: Pick<Config, 'trusted_proxies'>): BlockList | undefined {
  return given === undefined ? undefined : toNetworks(given);
}

function toNetworks(given: string): BlockList | undefined {
  const networks = new BlockList();
  for (const one of given.split(',').map((each) => each.trim())) {
    const [address = '', bits, ...rest] = one.split('/');
    const family = isIP(address);
    const longest = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? longest : Number(bits);
    if (family === 0 || rest.length > 0 || !/^\d*$/.test(bits ?? '') || bits === '' || prefix > longest)
      return undefined;
    networks.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  }
  return networks;
}

/** One line for every given option that old releases knew and that means nothing any more. */
export function obsoleteNotices(argv: string[]): string[] {
  const given = fromOptions(argv);
  return Object.entries(OPTIONS as Record<string, Option>).flatMap(([name, { obsolete }]) =>
    obsolete && given[name as OptionName] ? [`${flag(name)} ${obsolete}.`] : [],
  );
}

/** Help text: one line per option with its environment variable. */
export function optionsHelp(): string {
  return Object.entries(OPTIONS as Record<string, Option>)
    .map(([name, option]) => {
      const short = option.short ? `-${option.short}, ` : '    ';
      return `  ${short}${flag(name).padEnd(22)} ${option.help}  [${variable(name, option)}]`;
    })
    .join('\n');
}

/** The flags that give a child process the same configuration; secrets travel in the environment instead. */
export function configToChild(config: Config): { argv: string[]; environment: Record<string, string> } {
  const argv: string[] = [];
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const option = (OPTIONS as Record<string, Option>)[name];
    if (!option || value === undefined || value === false) continue;
    if (option.secret) environment[variable(name, option)] = String(value);
    else argv.push(value === true ? flag(name) : `${flag(name)}=${String(value)}`);
  }
  return { argv, environment };
}

function variable(name: string, option: Option): string {
  return option.environment ?? `VT_${name.toUpperCase()}`;
}

function fromOptions(argv: string[]): Partial<Record<OptionName, unknown>> {
  try {
    const { values, positionals } = parseArgs({
      args: argv.map(withValue),
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(OPTIONS as Record<string, Option>).map(([name, option]) => [
          flag(name).slice(2),
          { type: option.kind === 'flag' ? 'boolean' : 'string', ...(option.short ? { short: option.short } : {}) },
        ]),
      ),
    });
    if (positionals.length > 0) throw new Error(`Unexpected argument '${positionals[0]}'`);
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replaceAll('-', '_'), value]));
  } catch (error) {
    const message = (error as Error).message.split('. ')[0];
    throw new ConfigError(`${message}. The options are shown by: virtool help`);
  }
}

// Old releases took the option without a value too.
function withValue(argument: string, index: number, argv: string[]): string {
  const isBare = argument === '--force-version' && (argv[index + 1] ?? '-').startsWith('-');
  return isBare ? `${argument}=v0.0.0` : argument;
}

function fromEnvironment(environment: Sources['environment']): Partial<Record<OptionName, unknown>> {
  const found: Partial<Record<OptionName, unknown>> = {};
  for (const [name, option] of Object.entries(OPTIONS as Record<string, Option>)) {
    const key = variable(name, option);
    const file = environment[`${key}_FILE`];
    const value = file ? readSecret(`${key}_FILE`, file) : environment[key];
    if (value !== undefined && value !== '') found[name as OptionName] = value;
  }
  return found;
}

function readSecret(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new ConfigError(
      `${name} names the file ${path}, which cannot be read. Give a readable file or remove ${name}.`,
    );
  }
}

function fromFile(directory: string, given: string | undefined): Record<string, unknown> {
  const path = given ?? `${directory}/config.json`;
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch {
    if (given === undefined) return {};
    throw new ConfigError(`The configuration file ${path} cannot be read. Check --config.`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ConfigError(`The configuration file ${path} must hold one JSON object.`);
  }
  const { db_connection_string: db, ...rest } = parsed as Record<string, unknown>;
  const known = Object.entries(rest).filter(
    ([name, value]) => Object.hasOwn(OPTIONS, name) && value !== '' && value !== null,
  );
  return { ...Object.fromEntries(known), ...(typeof db === 'string' && db !== '' ? { db } : {}) };
}

function withLimits(parsed: Parsed): Config {
  const { proc, mem } = parsed;
  const config = {
    ...parsed,
    lg_proc: parsed.lg_proc ?? Math.min(8, proc),
    lg_mem: parsed.lg_mem ?? Math.min(16, mem),
    sm_proc: parsed.sm_proc ?? Math.min(2, proc),
    sm_mem: parsed.sm_mem ?? Math.min(4, mem),
  };
  const problems = [
    ...(proc > cores ? [`--proc is ${proc}, but this host has ${cores} cores. Give at most ${cores}.`] : []),
    ...(mem > memory ? [`--mem is ${mem} GiB, but this host has ${memory} GiB. Give at most ${memory}.`] : []),
    ...(['lg_proc', 'sm_proc'] as const).flatMap((name) => above(name, config[name], 'proc', proc)),
    ...(['lg_mem', 'sm_mem'] as const).flatMap((name) => above(name, config[name], 'mem', mem)),
  ];
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

function above(name: string, value: number, of: string, limit: number): string[] {
  return value > limit
    ? [`${flag(name)} is ${value}, which is above ${flag(of)} (${limit}). Give at most ${limit}.`]
    : [];
}
