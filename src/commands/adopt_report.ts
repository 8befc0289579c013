import type { AdoptionReport, Change, RuleReport } from '../adoption/adopt.js';

const HEADS = ['What', 'Found', 'Repaired', 'Left', 'First ids'];

/** The report for a terminal: what was found, what was done and what people must do, and the counts before and after. */
export function formatAdoption(report: AdoptionReport): string {
  const found = report.rules.filter((rule) => rule.found > 0);
  const repairable = found.reduce((sum, rule) => sum + rule.repairable, 0);
  const rest = `${report.rules.length - found.length} of ${report.rules.length} rules found nothing.`;
  return [
    ...(found.length > 0 ? [formatRows(found), ''] : []),
    rest,
    ...(report.dry_run ? [`Nothing was written. Without --dry-run ${repairable} of these would be repaired.`] : []),
    ...(report.set_aside === null ? [] : [`What was moved away lies in ${report.data_path}/${report.set_aside}`]),
    '',
    ...(report.dry_run ? ['There are'] : ['Before and after']),
    formatCounts('documents', report.documents, report.dry_run),
    formatCounts('files', report.files, report.dry_run),
  ].join('\n');
}

function formatRows(rules: readonly RuleReport[]): string {
  const cells = rules.map(({ title, found, repaired, left, ids }) => [
    title,
    String(found),
    String(repaired),
    String(left),
    ids.map(printable).join(', ') + (found > ids.length ? ', …' : ''),
  ]);
  const widths = HEADS.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (at > 0 && at < 4 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return [HEADS, ...cells].flatMap((row, at) => [line(row), ...actionOf(rules[at - 1])]).join('\n');
}

function actionOf(rule: RuleReport | undefined): string[] {
  return rule ? [`  → ${rule.action}`] : [];
}

// Ids come from a database that somebody else wrote.
function printable(id: string): string {
  return id.length <= 60 && /^[\x20-\x7e]*$/.test(id) ? id : JSON.stringify(id.slice(0, 60));
}

function formatCounts(what: string, changes: Record<string, Change>, isDry: boolean): string {
  const counted = Object.entries(changes).filter(([, { before, after }]) => before > 0 || after > 0);
  const parts = counted.map(([name, { before, after }]) => {
    return isDry || before === after ? `${name} ${before}` : `${name} ${before} → ${after}`;
  });
  return `  ${what}: ${parts.join(', ') || 'none'}`;
}
