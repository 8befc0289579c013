import { test } from 'vitest';
import { testDatabase } from './support/servers.js';
test('probe', async () => {
  const t = await testDatabase();
  const out: unknown[] = [];
  const c = t.db.collection<{ _id: string; u?: string; n?: number }>('things');
  await c.createIndexes([{ key: { u: 1 }, unique: true, sparse: true }]);
  const other = t.db.collection<{ _id: string; n: number }>('other');
  for (const mode of ['insert-first', 'update-first']) {
    await c.deleteMany({});
    await other.deleteMany({});
    await other.insertOne({ _id: 'x', n: 0 });
    let tries = 0;
    const attempt = (i: number) =>
      t.client.withSession((session) =>
        session.withTransaction(async () => {
          tries++;
          const open = await other.findOne({ _id: 'x', n: 0 }, { session });
          if (!open) return 'seen';
          if (mode === 'insert-first') await c.insertOne({ _id: `${mode}d${i}`, u: `${mode}u${i}` }, { session });
          const r = await other.updateMany({ _id: 'x', n: 0 }, { $set: { n: 1 } }, { session });
          if (r.matchedCount === 0) { await session.abortTransaction(); return 'aborted'; }
          if (mode !== 'insert-first') await c.insertOne({ _id: `${mode}d${i}`, u: `${mode}u${i}` }, { session });
          return 'ok';
        }),
      );
    out.push(mode, await Promise.all([0, 1, 2, 3, 4, 5].map((i) => attempt(i))), tries);
    out.push((await c.find().toArray()).map((d) => d._id));
    for (let i = 0; i < 6; i++) try { await c.insertOne({ _id: `e${i}`, u: `${mode}u${i}` }); out.push(i + ' inserted'); } catch (e) { out.push(i + (e as Error).message); }
    for (let i = 0; i < 6; i++) try { await t.client.withSession((s) => s.withTransaction(async () => { await c.deleteOne({ _id: `e${i}` }, { session: s }); await c.insertOne({ _id: `t${i}`, u: `${mode}u${i}` }, { session: s }); })); out.push(i + ' txn inserted'); } catch (e) { out.push(i + 'txn ' + (e as Error).message); }
  }
  console.log(JSON.stringify(out, null, 1));
  await t.dispose();
});
