/** How hard a cluster works: processor, memory and tasks over the last ten minutes. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ILoads } from '../../tokens';
import { bytes } from '../common/units';
import { useChanged } from '../common/usechanged';
import { Sparkline } from './sparkline';

/** Properties of {@link Activity}. */
export interface IActivityProps {
  loads: ILoads;
  trans: TranslationBundle;
}

/** Two lines, each with its present value in words. */
export function Activity(props: IActivityProps): JSX.Element {
  const { loads, trans } = props;
  useChanged(loads.changed);
  const { points } = loads;
  const last = points[points.length - 1];
  if (!last) {
    return <p className="jlc-Selected-none">{trans.__('Measuring…')}</p>;
  }
  const cores = trans.__('%1 cores in use', last.cpu.toFixed(1));
  const memory = trans.__('%1 of memory', bytes(last.memory));
  const tasks = [
    trans.__('%1 of %2 busy', last.busy, last.registered),
    trans.__('%1 tasks done', last.done)
  ];
  if (last.queue > 0) {
    tasks.push(trans.__('%1 waiting', last.queue));
  }
  return (
    <div className="jlc-Activity">
      <div className="jlc-Activity-tasks">{tasks.join(' · ')}</div>
      <div>{cores}</div>
      <Sparkline
        values={points.map(one => one.cpu)}
        least={1}
        label={trans.__('Processor over the last ten minutes: %1', cores)}
      />
      <div>{memory}</div>
      <Sparkline
        values={points.map(one => one.memory)}
        least={1}
        label={trans.__('Memory over the last ten minutes: %1', memory)}
      />
    </div>
  );
}
