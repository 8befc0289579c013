import type { Session } from '../client/follow.js';
import { JobProductAnswer, Nothing } from '../client/schemas.js';
import { DemoError, type StepTime } from '../report.js';
import type { Display } from '../screen/display.js';
import { createSteps } from '../walk.js';
import { HmmAnswer, HmmStatusAnswer, NuvsAnswer } from './schemas.js';

/** What the search for unknown viruses has made: the analysis, and what is known of each HMM that was found. */
export type NuvsWalk = {
  analysis: NuvsAnswer;
  hmms: ReadonlyMap<string, HmmAnswer>;
  hmmRelease: string;
  times: StepTime[];
};

/** Installs the latest release of the HMM data, and runs NuVs on a sample. */
export async function walkNuvs(
  session: Session,
  { sampleId, referenceId }: { sampleId: string; referenceId: string },
  display: Display,
): Promise<NuvsWalk> {
  const { client } = session;
  const steps = createSteps(session, display);
  await client.send('GET', '/api/hmms/status/release', Nothing);
  await client.send('POST', '/api/hmms/status/updates', Nothing);
  const { process } = await client.send('GET', '/api/hmms/status', HmmStatusAnswer);
  if (!process) throw new DemoError('The installation of the HMM data did not begin');
  await steps.process('Install the HMM data', process.id);
  const asked = await client.send('POST', `/api/samples/${sampleId}/analyses`, JobProductAnswer, {
    algorithm: 'nuvs',
    ref_id: referenceId,
  });
  await steps.job('Run NuVs', asked.job.id);
  const analysis = await client.send('GET', `/api/analyses/${asked.id}`, NuvsAnswer);
  const ids = new Set(analysis.results.flatMap(({ orfs }) => orfs.flatMap(({ hits }) => hits.map(({ hit }) => hit))));
  const hmms = new Map<string, HmmAnswer>();
  for (const id of ids) hmms.set(id, await client.send('GET', `/api/hmms/${id}`, HmmAnswer));
  const { installed } = await client.send('GET', '/api/hmms/status', HmmStatusAnswer);
  return { analysis, hmms, hmmRelease: installed?.name ?? 'unknown', times: steps.times };
}
