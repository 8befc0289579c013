import type { CommandStartedEvent, Document, IndexDescription } from 'mongodb';
import type { Database } from '../../src/store/database/database.js';

/** A read or write that was sent, as far as it decides which index serves it. */
export type SentQuery = { collection: string; command: string; filter: Document; sort: Document; explain: Document };

/** Gathers what the client of a database, opened with `monitorCommands`, sends while the work runs. */
export async function sentDuring(database: Database, work: () => Promise<unknown>): Promise<SentQuery[]> {
  const sent: SentQuery[] = [];
  const note = (event: CommandStartedEvent) => sent.push(...queriesOf(event.commandName, event.command));
  database.client.on('commandStarted', note);
  try {
    await work();
  } finally {
    database.client.off('commandStarted', note);
  }
  return sent;
}

function queriesOf(command: string, sent: Document): SentQuery[] {
  const collection = String(sent[command]);
  if (command === 'find') {
    const { filter = {}, sort = {}, projection } = sent;
    const explain = { find: collection, filter, sort, ...(projection ? { projection } : {}) };
    return [{ collection, command, filter, sort: asDocument(sort), explain }];
  }
  if (command === 'aggregate' && Array.isArray(sent.pipeline)) {
    const filter = sent.pipeline[0]?.$match ?? {};
    return [{ collection, command, filter, sort: {}, explain: { find: collection, filter } }];
  }
  const parts: Document[] = command === 'delete' ? sent.deletes : command === 'update' ? sent.updates : [];
  return parts.map(({ q }) => ({ collection, command, filter: q, sort: {}, explain: { find: collection, filter: q } }));
}

function asDocument(sort: unknown): Document {
  return sort instanceof Map ? Object.fromEntries(sort) : (sort as Document);
}

/** The stages and the index of the plan that the server chooses, the outermost stage first. */
export async function planOf(database: Database, query: SentQuery): Promise<string[]> {
  const answer = await database.db.command({ explain: query.explain, verbosity: 'queryPlanner' });
  const stages: string[] = [];
  const walk = (plan: Document | undefined) => {
    if (!plan) return;
    stages.push(plan.stage);
    for (const below of [plan.inputStage, ...(plan.inputStages ?? [])]) walk(below);
  };
  walk(answer.queryPlanner.winningPlan.queryPlan ?? answer.queryPlanner.winningPlan);
  return stages;
}

/** How many documents the server looks at for what was sent. */
export async function examinedFor(database: Database, query: SentQuery): Promise<number> {
  const answer = await database.db.command({ explain: query.explain, verbosity: 'executionStats' });
  return answer.executionStats.totalDocsExamined;
}

/**
 * Whether an index leads to what a filter finds, in its order: all keys with one value, or a few, stand before those of the order,
 * and these follow without a gap, all in the given directions or all in the other ones. What an order does not need may be
 * a range.
 */
export function isServed(query: Pick<SentQuery, 'filter' | 'sort'>, indexes: readonly IndexDescription[]): boolean {
  const { filter, sort } = query;
  const all = [...indexes.map(({ key }) => Object.entries(key as Record<string, number>)), [['_id', 1]]] as [
    string,
    number,
  ][][];
  const order = Object.entries(sort) as [string, number][];
  // Each alternative has to be served; the server merges them.
  if (Array.isArray(filter.$or)) {
    const { $or, ...rest } = filter;
    return $or.every((part: Document) => isServed({ filter: { ...rest, ...part }, sort }, indexes));
  }
  const single = new Set(Object.keys(filter).filter((key) => isSingle(filter[key])));
  const conditions = Object.keys(filter).filter((key) => !key.startsWith('$'));
  return all.some((keys) => {
    let at = 0;
    while (single.has(keys[at]?.[0] ?? '')) at += 1;
    const rest = order.filter(([key]) => !single.has(key));
    const follows = (factor: number) =>
      rest.every(([key, direction], n) => keys[at + n]?.[0] === key && keys[at + n]?.[1] === factor * direction);
    if (rest.length > 0) return follows(1) || follows(-1);
    return conditions.length === 0 || at > 0 || conditions.includes(keys[0]?.[0] ?? '');
  });
}

function isSingle(condition: unknown): boolean {
  if (typeof condition !== 'object' || condition === null || condition instanceof Date) return true;
  const operators = Object.keys(condition).filter((key) => key.startsWith('$'));
  return operators.length === 0 || operators.every((operator) => operator === '$in' || operator === '$eq');
}
