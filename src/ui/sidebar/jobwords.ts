/** A batch job in words: why it waits, where it runs, how long it may. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IJob } from '../../cluster/state';
import { alarms, duration } from './jobtime';

/** An answer of the queue that is older than this is told with its time (milliseconds). */
const OLD = 60000;

/** What a row says of a job. */
export interface IJobWords {
  readonly text: string;
  /** Whether it will be over soon, or nobody knows how it is. */
  readonly warning: boolean;
}

/** `now` in milliseconds since the epoch. */
export function jobWords(
  job: IJob,
  now: number,
  trans: TranslationBundle
): IJobWords {
  const asked = Date.parse(job.asked_at ?? '');
  const old = now - asked > OLD;
  const ending = job.time_left !== null && job.time_left < alarms(job)[0];
  const parts = [trans.__('Job %1', job.id), ...stateWords(job, trans)];
  if (old) {
    parts.push(
      trans.__('asked at %1, the queue has not answered since', clock(asked))
    );
  }
  return { text: parts.join(' · '), warning: old || ending };
}

function stateWords(job: IJob, trans: TranslationBundle): string[] {
  const words: string[] = [];
  if (job.state === 'PENDING' || job.state === 'CONFIGURING') {
    words.push(job.explanation ?? job.reason ?? trans.__('waiting'));
    const start = Date.parse(job.expected_start ?? '');
    if (!Number.isNaN(start)) {
      words.push(trans.__('expected to start at %1', clock(start)));
    }
    return words;
  }
  if (job.state !== 'RUNNING') {
    words.push(job.explanation ?? job.state.toLowerCase());
  }
  if (job.nodes.length > 0) {
    words.push(
      trans._n('on %2', 'on %1 nodes: %2', job.nodes.length, listed(job.nodes))
    );
  }
  if (job.time_left !== null) {
    words.push(trans.__('%1 left', duration(job.time_left, trans)));
  }
  return words;
}

/** The first few names; a row is narrow. */
function listed(nodes: readonly string[]): string {
  const few = nodes.slice(0, 4).join(', ');
  return nodes.length > 4 ? `${few}, …` : few;
}

/** The time of day, with the day when it is not today's. */
function clock(time: number): string {
  const date = new Date(time);
  const options: Intl.DateTimeFormatOptions = {
    hour: '2-digit',
    minute: '2-digit'
  };
  return date.toDateString() === new Date().toDateString()
    ? date.toLocaleTimeString([], options)
    : date.toLocaleString([], { ...options, month: 'short', day: 'numeric' });
}
