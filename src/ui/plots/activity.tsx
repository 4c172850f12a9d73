/** What a cluster did in the last ten minutes: two lines and a sentence. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ILoad } from '../../cluster/state';
import type { ILoads } from '../../tokens';
import { bytes } from '../common/units';
import { useChanged } from '../common/usechanged';
import { Sparkline } from './sparkline';

/** Seconds that the lines show. */
const SPAN = 600;

/** The lowest upper ends: one core, 64 MiB. */
const CORES = 1;
const MEMORY = 64 * 2 ** 20;

/** CPU and memory as lines, and the numbers of now. */
export function Activity(props: {
  loads: ILoads;
  /** Of how many engines. */
  engines: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { loads, engines, trans } = props;
  useChanged(loads.changed);
  const { points } = loads;
  const now = points.at(-1);
  if (!now) {
    return (
      <p className="jlc-Selected-none">
        {engines > 0
          ? trans.__('Measuring…')
          : trans.__('No engine is running.')}
      </p>
    );
  }
  const most = (of: (load: ILoad) => number) => Math.max(...points.map(of));
  const line = (of: (load: ILoad) => number) =>
    points.map(load => ({ at: Date.parse(load.time) / 1000, value: of(load) }));
  const cores = (value: number) => trans.__('%1 cores', value.toFixed(1));
  return (
    <div className="jlc-Activity">
      <div className="jlc-Activity-words">{words(now, trans)}</div>
      <div className="jlc-Activity-plots">
        <figure className="jlc-Activity-plot">
          <figcaption>{trans.__('CPU')}</figcaption>
          <Sparkline
            points={line(load => load.cpu)}
            span={SPAN}
            least={CORES}
            label={trans.__(
              'CPU over the last 10 minutes: now %1, at most %2',
              cores(now.cpu),
              cores(most(load => load.cpu))
            )}
          />
        </figure>
        <figure className="jlc-Activity-plot">
          <figcaption>{trans.__('Memory')}</figcaption>
          <Sparkline
            points={line(load => load.memory)}
            span={SPAN}
            least={MEMORY}
            label={trans.__(
              'Memory over the last 10 minutes: now %1, at most %2',
              bytes(now.memory),
              bytes(most(load => load.memory))
            )}
          />
        </figure>
      </div>
    </div>
  );
}

/** The numbers of now in one line. */
function words(now: ILoad, trans: TranslationBundle): string {
  const said = [
    trans.__('%1 of %2 busy', now.busy, now.registered),
    trans.__('%1 cores', now.cpu.toFixed(1)),
    bytes(now.memory)
  ];
  if (now.queue > 0) {
    said.push(trans._n('%1 task waiting', '%1 tasks waiting', now.queue));
  }
  return said.join(' · ');
}
