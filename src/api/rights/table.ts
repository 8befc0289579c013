import type { Audience } from '../dispatch/audiences.js';
import type { Interface } from '../dispatch/interfaces.js';
import { takesKeys } from '../http/caller.js';
import type { Rule } from '../http/right.js';
import type { Route } from '../http/route.js';

/** The columns of the table of rights: who asks. */
const COLUMNS = [
  'Anonymous',
  'User',
  'Member by user',
  'Member by group',
  'Owner',
  'Administrator',
  'API key',
] as const;

type Cells = readonly [string, string, string, string, string, string, string];

const INTRODUCTION = `# Rights

Generated from the declarations in \`src/api/\` and \`src/api/dispatch/\`; \`npm test -- test/api/rights -u\` writes it anew. The tests ask every route
and every interface of the socket as everybody who is named here.

- **User**: signed in, neither member nor owner of what the route leads to. **Member**: listed in the reference, or in a group that is; of a sample, in its
  group. **Owner**: who made the sample or reference; on a reference the owner has the rights of the own entry among its users.
- **yes**: answered. **no**: 401 for anonymous callers, 403 for all others. **with** \`x\`: when the permission or the right \`x\` is there. **theirs**: a
  list of what the caller may read, or the own account. **if all may**, **if the group may**: as the sample says.
- An **API key** acts for its user with the permissions of the key, never as administrator: **as its user** means the columns User to Owner. A route
  that needs a permission takes the keys that have it, and no other. On paths besides \`/api\` and \`/upload\` keys are ignored.
- Jobs, their arguments and logs follow the sample or reference that they belong to, as do processes; the user that they run for sees them too. Jobs
  of subtractions and processes of the server are for all.
`;

/** The table of rights (Markdown): a row for each route and each interface of the socket. */
export function formatRights(routes: readonly Route[], interfaces: readonly Interface[]): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))];
  const parts = tags.map((tag) => {
    const rows = routes.filter((route) => route.tag === tag).map((route) => row(title(route), cellsOf(route)));
    return `## ${tag}\n\n${head('Route', COLUMNS)}\n${rows.join('\n')}\n`;
  });
  const shown = COLUMNS.slice(1, -1);
  const messages = interfaces.map((one) => row(`\`${one.collection}\``, AUDIENCES[one.audience.rule]));
  return [
    INTRODUCTION,
    ...parts,
    '## Messages of the socket\n',
    'Only sessions open a socket. Who may no longer see a document learns that it is gone.\n',
    `${head('Interface', shown)}\n${messages.join('\n')}\n`,
  ].join('\n');
}

const AUDIENCES: Record<Audience['rule'], readonly string[]> = {
  everyone: ['yes', 'yes', 'yes', 'yes', 'yes'],
  administrators: ['no', 'no', 'no', 'no', 'yes'],
  user: ['the own one', 'the own one', 'the own one', 'the own one', 'yes'],
  sample: ['if all may', 'if all may', 'if the group may', 'yes', 'yes'],
  reference: ['no', 'yes', 'yes', 'yes', 'yes'],
  job: ['no', 'yes', 'yes', 'yes', 'yes'],
  process: ['no', 'yes', 'yes', 'yes', 'yes'],
  file: ['while it is free', 'while it is free', 'if the group may', 'yes', 'yes'],
};

function head(first: string, columns: readonly string[]): string {
  return `${row(first, columns)}\n${row(
    '---',
    columns.map(() => '---'),
  )}`;
}

function row(first: string, cells: readonly string[]): string {
  return `| ${[first, ...cells].join(' | ')} |`;
}

function title({ method, path }: Route): string {
  return `\`${method} ${path.replaceAll('|', '\\|')}\``;
}

function cellsOf({ access, right, method, path }: Route): Cells {
  if (typeof access === 'object' && 'public' in access) return ['yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'yes'];
  if (access === 'administrator') return ['no', 'no', 'no', 'no', 'no', 'yes', 'no'];
  if (!right) throw new Error(`${method} ${path} names no right`);
  const cells = RULES[right.rule.on](right.rule as never);
  if (access === 'session' || !takesKeys(path)) return [...cells.slice(0, -1), 'no'] as unknown as Cells;
  if (access === 'user') return cells;
  const also = `with \`${access.permission}\``;
  return cells.map((cell, column) => needing(cell, also, column)) as unknown as Cells;
}

function needing(cell: string, also: string, column: number): string {
  if (cell === 'no' || column === COLUMNS.indexOf('Administrator')) return cell;
  return cell === 'yes' ? also : `${cell}, ${also}`;
}

const RULES: { [On in Rule['on']]: (rule: Extract<Rule, { on: On }>) => Cells } = {
  nothing: () => ['no', 'yes', 'yes', 'yes', 'yes', 'yes', 'yes'],
  account: () => ['no', 'theirs', 'theirs', 'theirs', 'theirs', 'theirs', 'theirs'],
  list: () => ['no', 'theirs', 'theirs', 'theirs', 'theirs', 'all', 'as its user'],
  body: ({ needs }) => ['no', ...Array<string>(4).fill(`with the right ${needs}`), 'yes', 'as its user'] as never,
  reference({ needs }) {
    const holds = needs === 'read' ? 'yes' : `with \`${needs}\``;
    return ['no', 'no', holds, holds, holds, 'yes', 'as its user'];
  },
  sample: ({ needs }) =>
    needs === 'owner'
      ? ['no', 'no', 'no', 'no', 'yes', 'yes', 'as its user']
      : ['no', 'if all may', 'if all may', 'if the group may', 'yes', 'yes', 'as its user'],
  job: () => ['no', 'no', 'yes', 'yes', 'yes', 'yes', 'as its user'],
  process: () => ['no', 'no', 'yes', 'yes', 'yes', 'yes', 'as its user'],
};
