/** The time a batch job has: when to tell that it runs out, and in which words. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IJob } from '../../cluster/state';

/** With less time left than this a person should know (seconds). */
const SOON = 300;

/** At how many seconds left a person should be told, the earliest first: five minutes, and a tenth of what it has. */
export function alarms(job: IJob): number[] {
  if (!job.time_limit) {
    return [SOON];
  }
  const tenth = job.time_limit / 10;
  // Five minutes are no news to a job that has not many more.
  return job.time_limit > 2 * SOON
    ? [Math.max(SOON, tenth), Math.min(SOON, tenth)]
    : [tenth];
}

/** In the unit that fits. */
export function duration(seconds: number, trans: TranslationBundle): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) {
    return trans.__('less than a minute');
  }
  if (minutes < 120) {
    return trans.__('%1 min', minutes);
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? trans.__('%1 h', hours)
    : trans.__('%1 days', Math.floor(hours / 24));
}
